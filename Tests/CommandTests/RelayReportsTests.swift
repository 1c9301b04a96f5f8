import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay
@testable import portico

@Suite(.timeLimit(.minutes(1))) struct RelayReportsTests {
    @Test("How many lines a flood left no room for is told though nothing comes after it")
    func flood() async {
        let (log, lull) = (KeptLog(), Cue())
        let reports = RelayReports()
        let telling = Task {
            await reports.narrate(log.logger, pause: { try? await lull.wait() })
        }
        for number in 1...200 { reports.take(Self.readmitted(number)) }
        lull.give()
        func isCount(_ line: String) -> Bool { line.contains("more such lines") }
        func told() -> Int {
            log.lines.reduce(0) { sum, line in
                sum + (isCount(line) ? line.split(separator: " ").compactMap { Int($0) }.first ?? 0 : 1)
            }
        }
        #expect(await eventually { told() == 200 })
        #expect(log.lines.contains(where: isCount))
        reports.finish()
        await telling.value
        #expect(told() == 200, "and once")
    }

    @Test("What nobody could take in time is counted, and the log is not flooded by that")
    func missed() async throws {
        let (log, lull) = (KeptLog(), Cue())
        let reports = RelayReports()
        // Each that is taken brings two more, for a while: there is never room.
        for _ in 0..<10_000 { reports.take(Self.ended) }
        var taken = 0
        let (rounds, sent) = (2000, 10_000 + 2 * 2000)
        await reports.narrate(
            log.logger,
            hear: { _ in
                taken += 1
                if taken <= rounds { for _ in 0..<2 { reports.take(Self.ended) } }
                if taken == rounds { reports.finish() }
            }, pause: { try? await lull.wait() })
        let told = log.lines.filter { $0.contains("reports of the relay were left out") }
        let missed = told.compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }.reduce(0, +)
        #expect(taken + missed == sent, "\(taken) \(told)")
        #expect(missed > 0 && told.count == 1, "there was no lull but the end: \(told.prefix(3))")
        lull.give()
    }

    @Test("A lull that was left out itself is not waited for")
    func lostLull() async {
        let (log, pauses) = (KeptLog(), Locked(0))
        let (hangs, goOn, lull, isOver) = (Cue(), Cue(), Cue(), Cue())
        let reports = RelayReports()
        let telling = Task {
            await reports.narrate(
                log.logger,
                hear: { event in
                    guard case .connectionEnded = event else { return }
                    hangs.give()
                    // It blocks a thread that others need, and so not for ever.
                    var waits = 0
                    while !goOn.isGiven, waits < 5000 {
                        usleep(1000)
                        waits += 1
                    }
                },
                pause: {
                    pauses.withLock { $0 += 1 }
                    try? await lull.wait()
                    isOver.give()
                })
        }
        for number in 1...20 { reports.take(Self.readmitted(number)) }
        reports.take(Self.ended)
        #expect(await eventually { hangs.isGiven && pauses.withLock { $0 } == 1 })
        lull.give()
        #expect(await eventually { isOver.isGiven })
        // No room is left for the lull.
        for _ in 0..<9000 { reports.take(Self.ended) }
        goOn.give()
        #expect(await eventually { log.lines.contains { $0.contains("10 more such lines") } })
        reports.finish()
        await telling.value
    }

    private static let port = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)

    private static let ended = RelayEvent.connectionEnded(
        ConnectionRecord(
            port: port, client: .loopback(port: 1), endpoint: nil, attempts: 1, bytesUp: 0, bytesDown: 0,
            milliseconds: 1, outcome: .completed))

    private static func readmitted(_ number: Int) -> RelayEvent {
        .endpointReadmitted(port, Endpoint(EndpointAddress(ip: IPAddress(v4: UInt32(number)), port: 80)))
    }
}
