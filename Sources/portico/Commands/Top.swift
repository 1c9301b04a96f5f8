import Admin
import ArgumentParser
import Base
import EventLoop
import Glibc

/// `portico top`.
struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch a daemon of this machine: services, endpoints, connections, rates, failures.",
        discussion: """
            A picture each second, trouble first. Keys: ↑ ↓ move, Enter opens a Service with its endpoints, Esc goes back, \
            s sorts by something else, / filters, q quits. It goes on while the daemon is replaced.

            EXAMPLES
              The daemon of this node:
                sudo portico top

              A development proxy (portico dev --admin 127.0.0.1:8090):
                portico top --address 127.0.0.1:8090

            For scripts there is 'portico status --output json'.
            """
    )

    @OptionGroup(title: "Which process") var place: AdminPlaceOptions
    @OptionGroup(title: "What is printed") var logging: LoggingOptions

    @Option(help: ArgumentHelp("Between two pictures.", valueName: "duration"), transform: { try DurationArgument($0) })
    var interval = DurationArgument(.seconds(1))

    func validate() throws {
        guard interval.duration >= .milliseconds(100) else {
            throw ValidationError("--interval: at least 100ms lie between two pictures")
        }
    }

    func run() async throws {
        logging.bootstrap()
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
            throw CommandFailure("it needs a terminal; for programs there is 'portico status --output json'")
        }
        let client = try place.client()
        // Who asks for something that is not there is told so at once, on a screen as it was.
        let first = try await StatusPicture.ask(client).picture
        let terminal = TopTerminal(inColour: StandardStream.output.takesColour)
        let model = Guarded(TopModel())
        model.withLock { $0.take(first, at: .now) }
        let signals = try SignalStream([SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT])
        defer { signals.close() }
        terminal.enter()
        defer { terminal.leave() }
        terminal.draw(model)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [interval] in
                while (try? await Task.sleep(for: interval.duration)) != nil {
                    do throws(CommandFailure) {
                        let picture = try await StatusPicture.ask(client).picture
                        model.withLock { $0.take(picture, at: .now) }
                    } catch {
                        model.withLock { $0.fail("\(error)", at: .now) }
                    }
                    if !Task.isCancelled { terminal.draw(model) }
                }
            }
            group.addTask {
                for await bytes in terminal.input {
                    for key in TopKey.keys(in: bytes) where model.withLock({ $0.take(key) }) == .quit { return }
                    terminal.draw(model)
                }
            }
            group.addTask {
                for await signal in signals.signals {
                    switch signal {
                    case SIGWINCH: break
                    case SIGTSTP:
                        terminal.suspend()
                        DefaultAction.take(SIGTSTP)
                        terminal.resume()
                    case SIGCONT: terminal.resume()
                    default: return
                    }
                    terminal.draw(model)
                }
            }
            // The first that ends, other than by cancellation, ends all.
            await group.next()
            group.cancelAll()
            terminal.leave()
        }
    }
}
