import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Proxy
@testable import Relay

@Suite struct RelayNarratorTests {
    private let port = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)

    private let start = ContinuousClock.now

    private func lines(_ events: [RelayEvent]) throws -> [String] {
        try lines(events.map { ($0, .zero) })
    }

    /// - Parameter events: each with the time that has passed since the first.
    private func lines(_ events: [(RelayEvent, Duration)]) throws -> [String] {
        let log = KeptLog()
        var narrator = RelayNarrator(logger: log.logger)
        for (event, time) in events { narrator.tell(event, at: start + time) }
        return log.lines
    }

    private func failure(_ endpoint: Endpoint, attempt: Int = 1) -> RelayEvent {
        .dialFailed(DialFailure(port: port, endpoint: endpoint, attempt: attempt, code: 110, limit: 250))
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
        let endpoints = (1...500).map { Endpoint(EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        let told = try lines(endpoints.map { (failure($0), .zero) } + [(.waitingForEndpoint(port), .seconds(2))])
        #expect(told.count == 12)
        #expect(told.suffix(2).first == "… and 490 more such lines, which were left out")
    }

    @Test("What was left out is counted also if nothing comes after it")
    func countOfWhatWasLeftOut() throws {
        let log = KeptLog()
        var narrator = RelayNarrator(logger: log.logger)
        for number in 1...25 {
            #expect(narrator.owesCount == (number > 11))
            narrator.tell(failure(Endpoint(EndpointAddress(ip: IPAddress(v4: UInt32(number)), port: 80))), at: start)
        }
        for _ in 0..<2 { narrator.tellCount() }
        #expect(!narrator.owesCount)
        #expect(log.lines.count == 11)
        #expect(log.lines.last == "… and 15 more such lines, which were left out")
    }

    @Test("UDP clients that had to make room are told once a minute for each service port")
    func evictions() throws {
        let told = try lines((0..<70).map { (.flowsEvicted(port), .seconds($0)) })
        #expect(told.count == 2)
        #expect(told.allSatisfy { $0.hasPrefix("default/web: there is no room for more clients") })
    }

    @Test func whatKeepsHappeningIsToldOnceAMinute() throws {
        let (dead, other) = (try endpoint("10.0.0.1:80"), try endpoint("10.0.0.2:80"))
        let minute = (0..<600).map { (failure(dead, attempt: $0 % 4 + 1), Duration.milliseconds(100 * $0)) }
        let told = try lines(
            minute + [(failure(other), .seconds(59)), (failure(dead), .seconds(60)), (failure(dead), .seconds(61))])
        #expect(
            told == [
                "default/web: 10.0.0.1:80: no answer within 250 ms (attempt 1)",
                "default/web: 10.0.0.2:80: no answer within 250 ms (attempt 1)",
                "default/web: 10.0.0.1:80: no answer within 250 ms (attempt 1); 599 times more since that was said last",
            ])
    }

    private func endpoint(_ address: String) throws -> Endpoint { Endpoint(try #require(EndpointAddress(address))) }

    @Test func oneServiceThatNobodyReachesKeepsNobodyOutOfTheLog() throws {
        let (dead, good) = (try endpoint("10.0.0.1:80"), try endpoint("10.0.0.2:80"))
        let client = SocketAddress.loopback(port: 1)
        let record = ConnectionRecord(
            port: port, client: client, endpoint: dead, attempts: 4, bytesUp: 0, bytesDown: 0, milliseconds: 3750,
            outcome: .unreachable)
        let flood = (0..<100).flatMap { _ in [failure(dead), .connectionEnded(record)] }
        let told = try lines(flood + [.endpointEjected(port, good)])
        #expect(
            told == [
                "default/web: 10.0.0.1:80: no answer within 250 ms (attempt 1)",
                "default/web: the client 127.0.0.1:1 was reset: no endpoint could be reached",
                "default/web: 10.0.0.2:80 is passed over, if others are there, until it answers",
            ])
    }
}
