import Logging
import Proxy
import Relay
import Synchronization

/// What the relay reports, on its way from the workers to people. It never holds a worker up: where there is more than anybody
/// can tell, what is oldest is left out, and counted.
final class RelayReports: Sendable {
    private static let mostWaiting = 8192

    private let events: AsyncStream<RelayEvent>
    private let event: AsyncStream<RelayEvent>.Continuation
    private let lost = Atomic<Int>(0)

    init() {
        (events, event) = AsyncStream.makeStream(
            of: RelayEvent.self, bufferingPolicy: .bufferingNewest(Self.mostWaiting))
    }

    /// Any thread.
    func take(_ report: RelayEvent) {
        if case .dropped = event.yield(report) { lost.wrappingAdd(1, ordering: .relaxed) }
    }

    /// There are no more.
    func finish() { event.finish() }

    /// Logs them until there are no more.
    ///
    /// - Parameter connection: is told of each that has ended.
    func narrate(_ logger: Logger, connection: (ConnectionRecord) -> Void = { _ in }) async {
        var narrator = RelayNarrator(logger: logger)
        for await event in events {
            let lost = lost.exchange(0, ordering: .relaxed)
            if lost > 0 { logger.warning("reports of the relay were dropped here", metadata: ["dropped": "\(lost)"]) }
            if case .connectionEnded(let record) = event { connection(record) }
            narrator.tell(event)
        }
    }
}
