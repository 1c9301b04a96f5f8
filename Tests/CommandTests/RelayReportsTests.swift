import Balancing
import Base
import Relay
import TestSupport
import Testing

@testable import portico

@Suite(.timeLimit(.minutes(1))) struct RelayReportsTests {
    @Test("How many lines a flood left no room for is told though nothing comes after it")
    func flood() async {
        let (log, lull) = (KeptLog(), Cue())
        let port = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        let reports = RelayReports()
        let telling = Task {
            await reports.narrate(log.logger, pause: { try? await lull.wait() })
        }
        for number in 1...200 {
            let endpoint = Endpoint(EndpointAddress(ip: IPAddress(v4: UInt32(number)), port: 80))
            reports.take(.endpointEjected(port, endpoint))
        }
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
}
