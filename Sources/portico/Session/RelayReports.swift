import Logging
import Proxy
import Relay
import Status

/// What the relay reports, on its way from the workers to people. It never holds a worker up: where there is more than anybody
/// can tell, what is oldest is left out, and counted.
final class RelayReports: Sendable {
    private static let mostWaiting = 8192

    private let events = Broadcast<RelayEvent>()
    private let reader: Broadcast<RelayEvent>.Reader

    init() { reader = events.reader(room: Self.mostWaiting) }

    /// Any thread.
    func take(_ report: RelayEvent) { events.send(report) }

    /// There are no more.
    func finish() { events.finish() }

    /// Logs them until there are no more.
    ///
    /// - Parameter connection: is told of each that has ended.
    func narrate(_ logger: Logger, connection: (ConnectionRecord) -> Void = { _ in }) async {
        var narrator = RelayNarrator(logger: logger)
        for await item in reader {
            switch item {
            case .missed(let count):
                logger.warning("reports of the relay are missing here", metadata: ["dropped": "\(count)"])
            case .event(let event):
                if case .connectionEnded(let record) = event { connection(record) }
                narrator.tell(event)
            }
        }
    }
}
