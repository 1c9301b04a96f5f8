import Base
import Logging
import Synchronization

/// That the daemon is to start anew, because its configuration has changed.
final class Restart: Sendable {
    /// Nil without a file that could change.
    let watch: ConfigurationWatch?
    private let arguments: [String]
    private let wanted = Atomic(false)
    /// Starts anew at once, as long as nothing is served: an API server that cannot be reached may be what was wrong.
    private let early = Guarded<Task<Void, Never>?>(nil)

    /// - Parameter arguments: of this process.
    init(_ arguments: [String] = CommandLine.arguments) {
        self.arguments = arguments
        watch = ConfigurationWatch(
            Array(arguments.dropFirst(2)), atStart: DaemonCommandLine.atStart.withLock { $0 } ?? [])
    }

    var isWanted: Bool { wanted.load(ordering: .relaxed) }

    func want() { wanted.store(true, ordering: .relaxed) }

    /// Follows the file until ``servingBegins()``.
    func followUntilServing(_ logger: Logger) {
        guard let watch else { return }
        let task = Task {
            await watch.follow { news in
                switch news {
                case .same: break
                case .wrong(let mistakes): for line in mistakes.lines { logger.error("\(line)") }
                case .changed:
                    guard !Task.isCancelled else { return }
                    logger.notice("the configuration has changed: starting anew")
                    logger.error("\(now())")
                }
            }
        }
        early.withLock { $0 = task }
    }

    func servingBegins() { early.withLock { $0 }?.cancel() }

    /// - Returns: Only on failure.
    func now() -> CommandFailure {
        Serving.end()
        return CommandFailure("\(ProcessImage.restart(arguments))")
    }
}
