import Logging
import Relay

/// The orderly end of a session: open connections get time to end by themselves.
enum GracefulEnd {
    /// Stops accepting and waits for what is open, within `limit`; another signal ends everything at once.
    ///
    /// - Parameter nextSignal: waits for a signal; nil if none will come any more.
    /// - Returns: the signal that cut it short.
    static func drain(
        _ relay: Relay, within limit: Duration, logger: Logger, nextSignal: @escaping @Sendable () async -> Int32?
    ) async -> Int32? {
        let open = await relay.snapshot().total.open
        if open > 0 { logger.notice("waiting for \(open) open connections to end; once more to end them now") }
        return await withTaskGroup(of: Int32?.self) { group in
            group.addTask {
                await relay.drain(within: limit)
                return nil
            }
            group.addTask { await nextSignal() }
            let signal = await group.next() ?? nil
            // Ends the wait for connections; without a signal there is none left to wait for.
            if signal != nil { await relay.drain(within: .zero) }
            group.cancelAll()
            return signal
        }
    }
}
