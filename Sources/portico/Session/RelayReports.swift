import Base
import Logging
import Proxy
import Relay
import Status

/// What the relay reports, on its way from the workers to people. It never holds a worker up: where there is more than
/// anybody can tell, what is oldest is left out, and counted.
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
    ///   - hear: is told of each.
    ///   - miss: is told how many are missing.
    ///   - pause: waits for a lull.
    func narrate(
        _ logger: Logger, hear: (RelayEvent) -> Void = { _ in }, miss: (Int) -> Void = { _ in },
        pause: @escaping @Sendable () async -> Void = { try? await Task.sleep(for: lull) }
    ) async {
        var narrator = RelayNarrator(logger: logger)
        var missed = 0
        func tellCounts() {
            narrator.tellCount()
            if missed > 0 { logger.warning("\(missed) reports of the relay were left out: more than could be told") }
            missed = 0
        }
        // Beside what is sent for it, which may be left out itself; then something newer has come, and this is looked
        // at.
        let isOver = Guarded(false)
        var waitsForLull = false
        for await item in reader {
            switch item {
            case .missed(let count):
                missed += count
                miss(count)
            case .event(.event(let event)):
                hear(event)
                narrator.tell(event)
            case .event(.lull): break
            }
            if waitsForLull, isOver.withLock({ $0 }) {
                isOver.withLock { $0 = false }
                waitsForLull = false
                tellCounts()
            }
            guard narrator.owesCount || missed > 0, !waitsForLull else { continue }
            waitsForLull = true
            Task {
                await pause()
                isOver.withLock { $0 = true }
                reports.send(.lull)
            }
        }
        tellCounts()
    }
}
