import Balancing
import Base
import EventLoop
import Logging
import Relay
import TestSupport
import Testing

@testable import Proxy

@Suite struct RelayNarratorTests {
    private let port = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)

    private func lines(_ events: [RelayEvent]) throws -> [String] {
        let log = Locked<[String]>([])
        var narrator = RelayNarrator(logger: Logger(label: "test") { _ in Keeper(log: log) })
        for event in events { narrator.tell(event) }
        return log.withLock { $0 }
    }

    @Test func endpointsThatGoAndComeBackAreNamed() throws {
        let address = try #require(EndpointAddress("10.0.0.1:80"))
        let endpoint = Endpoint(address, podName: "web-1")
        #expect(
            try lines([.endpointEjected(port, endpoint), .endpointReadmitted(port, endpoint)]) == [
                "default/web: web-1 10.0.0.1:80 is passed over, if others are there, until it answers",
                "default/web: web-1 10.0.0.1:80 answers again",
            ])
    }

    @Test func theFirstClientThatWaitsIsTold() throws {
        #expect(try lines([.waitingForEndpoint(port)]) == ["default/web: a client is waiting for an endpoint"])
    }

    @Test func aLostSourceAddressIsAWarningWithItsReason() throws {
        let error = SystemError("connect from", "10.1.2.3:0", code: 1)
        #expect(
            try lines([.sourceNotPreserved(port, error)]) == [
                "default/web: endpoints do not see the addresses of their clients: "
                    + "connect from 10.1.2.3:0: Operation not permitted"
            ])
    }

    @Test func aShortageIsNamedWithWhatIsShort() throws {
        let lines = try lines([
            .acceptPaused(port, .dials(24)), .acceptPaused(port, .connections(90)),
            .acceptPaused(port, .connections(0)),
            .acceptPaused(port, .kernel(24)),
        ])
        #expect(lines.allSatisfy { $0.hasPrefix("default/web: new clients have to wait: ") })
        #expect(lines[0].contains("24 are being connected already, which is its share"))
        #expect(lines[1].contains("90 of its connections, which is its share of the limit of open files"))
        #expect(lines[2].contains("other service ports have as many connections"))
        #expect(lines[3].hasSuffix("too many open files"))
    }

    @Test func aFloodIsCutShort() throws {
        let flood = [RelayEvent](repeating: .waitingForEndpoint(port), count: 500)
        // A second may turn over in between, and then there are twice as many and a line about the others.
        #expect(try lines(flood).count <= 21)
    }
}

/// A log handler that keeps the messages.
private struct Keeper: LogHandler {
    let log: Locked<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.withLock { $0.append("\(event.message)") }
    }
}
