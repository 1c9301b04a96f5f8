import ArgumentParser
import Base
import EventLoop

/// The root command. It does nothing itself; each subcommand is a file in `Commands/`.
@main
struct Portico: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portico",
        abstract: "Give every Kubernetes Service a door on this machine.",
        discussion: """
            Portico listens for each port of each Service and carries every connection to one of its pods, in turn.

            EXAMPLES
              Serve what the manifests of a folder describe, on addresses of this machine:
                portico dev -f manifests/

              The same with pods that Portico plays itself, for trying out:
                portico dev --demo-pods -f Examples/my-service

              No manifest at all:
                portico dev --service web:8080=10.0.0.1:80,10.0.0.2:80

              Port 10000 of this machine to a Service of a cluster, whatever its pods do:
                portico forward service/my-service 10000:80

              Be the service proxy of a Kubernetes node:
                portico daemon -f manifests/ --hostname-override node2

              Look for mistakes in manifests:
                portico check -f manifests/

            EXIT STATUS
              0: all is well. 1: something failed. 64: the command line is wrong.
            """,
        version: Version.description,
        subcommands: [
            Dev.self, Forward.self, ProxyAPI.self, Init.self, Daemon.self, ShowStatus.self, Top.self, Render.self,
            Check.self, DemoPod.self, ShowVersion.self,
        ]
    )

    /// ArgumentParser's own `main` prints several lines for an error; ours is one, for people and for scripts.
    static func main() async {
        StandardStream.replaceClosed()
        var project: String?
        do {
            let arguments = Array(CommandLine.arguments.dropFirst())
            IgnoredSignals.heedChildren()
            EarlySignals.quitAtOnce()
            takeEarlySignals(of: arguments)
            // The parser shows its own help for what there is no help for.
            if arguments.first == "help", let message = UnknownWord.message(in: arguments) {
                throw ValidationError(message)
            }
            // Not parseAsRoot, which knows no completion that reads files.
            let settled = try Self.settled(LoggingOptions.normalized(arguments))
            project = ProjectCommandLine.file(in: settled)
            var command = try await asyncParseAsRoot(settled)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Serving.end()
            if outputHasFailed() { exit(withError: ExitCode.failure) }
        } catch let mistakes as ConfigurationMistakes {
            for line in mistakes.lines { StandardStream.error.write("portico: \(line)\n") }
            finish(with: ExitCode.failure)
        } catch {
            finish(with: error, project: project)
        }
    }

    /// Until a session hears them. A daemon that is told to end while it begins has done nothing wrong.
    private static func takeEarlySignals(of arguments: [String]) {
        switch arguments.first {
        case Daemon.name: if !arguments.contains("--cleanup") { EarlySignals.take(.success) }
        case Dev.name: EarlySignals.take(.signalNumber)
        case ProxyAPI.name: EarlySignals.take(.success)
        default: break
        }
    }

    /// Arguments as the parser takes them: those of a node's commands are a kube-proxy's, and `dev` and `check` may
    /// have a project file.
    private static func settled(_ arguments: [String]) throws(ConfigurationMistakes) -> [String] {
        switch arguments.first {
        case Daemon.name:
            [Daemon.name] + (try DaemonCommandLine(Array(arguments.dropFirst())).settled())
        case Dev.name: [Dev.name] + (try ProjectCommandLine(Array(arguments.dropFirst())).settled())
        case Check.name: [Check.name] + (try ProjectCommandLine(Array(arguments.dropFirst()), for: .check).settled())
        case ProxyAPI.name: GoFlags.normalized(arguments, flags: ProxyAPI.flags)
        case Render.configuration.commandName: GoFlags.normalized(arguments, flags: Daemon.flags)
        default: arguments
        }
    }

    /// Says so if what was to be printed could not be: then the command has not done its work.
    private static func outputHasFailed() -> Bool {
        for (stream, name) in [(StandardStream.output, "output"), (StandardStream.error, "error")] {
            guard let code = stream.failure else { continue }
            StandardStream.error.write("portico: cannot write to standard \(name): \(SystemError.reason(code))\n")
            return true
        }
        return false
    }

    /// - Parameter project: the file that is part of the command line.
    private static func finish(with error: any Error, project: String? = nil) -> Never {
        let code = exitCode(for: error)
        if code.isSuccess {
            // Help, the version and completion scripts arrive here too, and ends that have nothing to say.
            let message = fullMessage(for: error)
            if !message.isEmpty { StandardStream.output.write(message + "\n") }
        } else if let line = CommandFailure.line(for: error, arguments: CommandLine.arguments, project: project) {
            StandardStream.error.write(line + "\n")
        }
        Serving.end()
        exit(withError: code.isSuccess && outputHasFailed() ? ExitCode.failure : code)
    }
}
