import Balancing
import Base
import Logging
import Relay
import TestSupport
import Testing

@testable import portico

@Suite(.timeLimit(.minutes(1))) struct RelayReportsTests {
    private struct Keeper: LogHandler {
        let log: Locked<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.withLock { $0.append("\(event.message)") } }
    }

    @Test("How many lines a flood left no room for is told though nothing comes after it")
    func flood() async {
        let (log, lull) = (Locked<[String]>([]), Cue())
        let port = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        let reports = RelayReports()
        let telling = Task {
            await reports.narrate(Logger(label: "test") { _ in Keeper(log: log) }, pause: { try? await lull.wait() })
        }
        for number in 1...200 {
            let endpoint = Endpoint(EndpointAddress(ip: IPAddress(v4: UInt32(number)), port: 80))
            reports.take(.endpointEjected(port, endpoint))
        }
        lull.give()
        func isCount(_ line: String) -> Bool { line.contains("more such lines") }
        func told() -> Int {
            log.withLock { $0 }.reduce(0) { sum, line in
                sum + (isCount(line) ? line.split(separator: " ").compactMap { Int($0) }.first ?? 0 : 1)
            }
        }
        #expect(await eventually { told() == 200 })
        #expect(log.withLock { $0 }.contains(where: isCount))
        reports.finish()
        await telling.value
        #expect(told() == 200, "and once")
    }
}
