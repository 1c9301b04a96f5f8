import Logging
import Relay

/// The orderly end of a session: open connections get time to end by themselves.
enum GracefulEnd {
    /// Stops accepting and waits for what is open, within the first of `limits`. Each signal makes the next one the limit, from
    /// that moment on; after the last one a signal ends everything at once.
    ///
    /// - Parameters:
    ///   - limits: nil for one that sets none.
    ///   - nextSignal: waits for a signal; nil if none will come any more.
    /// - Returns: the signal that ended everything.
    static func drain(
        _ relay: Relay, within limits: [Duration?], logger: Logger, nextSignal: @escaping @Sendable () async -> Int32?
    ) async -> Int32? {
        let open = relay.total.open
        if open > 0 {
            let end = limits.count > 1 ? "limits the wait" : "ends them now"
            logger.notice("waiting for \(open) open connections to end; another signal \(end)")
        }
        return await withTaskGroup(of: Int32?.self) { group in
            group.addTask {
                await relay.drain(within: limits.first ?? .zero)
                return nil
            }
            group.addTask {
                var rest = limits.dropFirst()
                while let signal = await nextSignal() {
                    guard let limit = rest.popFirst() else { return signal }
                    logger.notice(
                        "open connections have \(limit.map { "\($0)" } ?? "all the time") to end; another signal ends them now"
                    )
                    Task { await relay.drain(within: limit) }
                }
                return nil
            }
            // Without a signal there is no connection left to wait for. With one the wait is cut short, but only now: it would
            // end before the signal is told otherwise.
            let signal = await group.next() ?? nil
            if signal != nil { await relay.drain(within: .zero) }
            group.cancelAll()
            return signal
        }
    }
}
