import Logging
import Proxy
import Relay
import Status

/// What the relay reports, on its way from the workers to people. It never holds a worker up: where there is more than anybody
/// can tell, what is oldest is left out, and counted.
final class RelayReports: Sendable {
    private static let mostWaiting = 8192
    /// After which lines that were left out are counted, if no others have come.
    private static let lull = Duration.seconds(1)

    private enum Report: Sendable {
        case event(RelayEvent)
        case lull
    }

    private let reports = Broadcast<Report>()
    private let reader: Broadcast<Report>.Reader

    init() { reader = reports.reader(room: Self.mostWaiting) }

    /// Any thread.
    func take(_ event: RelayEvent) { reports.send(.event(event)) }

    /// There are no more.
    func finish() { reports.finish() }

    /// Logs them until there are no more.
    ///
    /// - Parameters:
    ///   - connection: is told of each that has ended.
    ///   - pause: waits for a lull.
    func narrate(
        _ logger: Logger, connection: (ConnectionRecord) -> Void = { _ in },
        pause: @escaping @Sendable () async -> Void = { try? await Task.sleep(for: lull) }
    ) async {
        var narrator = RelayNarrator(logger: logger)
        var waitsForLull = false
        for await item in reader {
            switch item {
            case .missed(let count):
                logger.warning("reports of the relay are missing here", metadata: ["dropped": "\(count)"])
                // The lull may have been among them.
                waitsForLull = false
            case .event(.event(let event)):
                if case .connectionEnded(let record) = event { connection(record) }
                narrator.tell(event)
            case .event(.lull):
                waitsForLull = false
                narrator.tellCount()
            }
            guard narrator.owesCount, !waitsForLull else { continue }
            waitsForLull = true
            Task {
                await pause()
                reports.send(.lull)
            }
        }
        narrator.tellCount()
    }
}
