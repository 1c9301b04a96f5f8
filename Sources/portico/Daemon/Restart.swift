import Base
import Logging
import Relay
import Synchronization

/// That the daemon is to start anew, because its configuration has changed.
final class Restart: Sendable {
    /// Nil without a file that could change.
    let watch: ConfigurationWatch?
    private let arguments: [String]
    private let wanted = Atomic(false)
    /// Starts anew at once, as long as nothing is served: an API server that cannot be reached may be what was wrong.
    private let early = Guarded<Task<Void, Never>?>(nil)
    /// Waits for the moment to start anew, once something is served.
    private let waiting = Guarded<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - daemon: as it was started.
    ///   - arguments: of this process.
    init(_ daemon: Daemon, arguments: [String] = CommandLine.arguments) {
        self.arguments = arguments
        watch = ConfigurationWatch(Array(arguments.dropFirst(2)), atStart: ConfigurationWriter(daemon).effect)
    }

    var isWanted: Bool { wanted.load(ordering: .relaxed) }

    func want() { wanted.store(true, ordering: .relaxed) }

    // MARK: Before anything is served

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

    // MARK: Serving

    /// Waits until no connection is open, and then wakes the session to start anew; or waits no more, if the file says
    /// again what it said at the start. All is served meanwhile, for clients that come find nobody in the moment that a
    /// start takes.
    ///
    /// - Parameter limit: of the wait.
    func take(_ news: ConfigurationWatch.News, _ tools: SessionTools<DaemonRole.Event>, within limit: Duration) {
        let logger = tools.teller.logger
        if stopWaiting(), news != .changed { logger.notice("not starting anew after all") }
        guard news == .changed else { return }
        logger.notice("the configuration has changed: starting anew when no connection is open, within \(limit)")
        let task = Task {
            let deadline = ContinuousClock.now + limit
            while tools.relay.total.open > 0, ContinuousClock.now < deadline {
                guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
            }
            tools.wake(.restartDue)
        }
        waiting.withLock { $0 = task }
    }

    /// - Returns: whether it was waiting.
    @discardableResult
    func stopWaiting() -> Bool {
        let task = waiting.withLock { task in
            defer { task = nil }
            return task
        }
        task?.cancel()
        return task != nil
    }

    /// - Returns: Only on failure.
    func now() -> CommandFailure {
        Serving.end()
        return CommandFailure("\(ProcessImage.restart(arguments))")
    }
}
