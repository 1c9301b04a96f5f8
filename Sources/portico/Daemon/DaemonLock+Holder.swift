import Host
import Logging

extension DaemonLock {
    /// Nil, and a warning, if there can be none.
    ///
    /// - Throws: ``CommandFailure`` if another process is this machine's service proxy.
    static func ofThisMachine(_ options: DaemonOptions, _ logger: Logger) async throws(CommandFailure) -> DaemonLock? {
        do throws(DaemonLock.Failure) {
            // A process that was to be taken over from, and is killed, closes its sockets one by one.
            return try await waiting(.milliseconds(options.takeover == nil ? 0 : 1000))
        } catch .held(let process) {
            let who = process.map { "process \($0)" } ?? "another process"
            let advice =
                options.takeover.map { "and does not hand over at \($0); end it first" }
                ?? "end it first, or take its place with --takeover, if it was started with that"
            throw CommandFailure("\(who) is the service proxy of this machine; \(advice)")
        } catch {
            logger.warning("a second daemon would not be noticed: \(error)")
            return nil
        }
    }

    /// The former process gives it up in a moment.
    static func afterSuccession(_ logger: Logger) async -> DaemonLock? {
        do throws(DaemonLock.Failure) {
            return try await waiting(.seconds(5))
        } catch {
            logger.warning("a second daemon would not be noticed: the former process does not let go of its lock")
            return nil
        }
    }

    /// The lock, as soon as whoever has it gives it up, but not after `limit`.
    private static func waiting(_ limit: Duration) async throws(DaemonLock.Failure) -> DaemonLock {
        let deadline = ContinuousClock.now + limit
        while true {
            do throws(DaemonLock.Failure) {
                return try DaemonLock()
            } catch {
                guard case .held = error, ContinuousClock.now < deadline else { throw error }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
