import Balancing
import Base
import EventLoop
import Logging
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

    private let words = "no answer within 250 ms: passed over, if others are there, until it answers"

    private func failure(_ endpoint: Endpoint, attempt: Int = 1) -> RelayEvent {
        .dialFailed(DialFailure(port: port, endpoint: endpoint, attempt: attempt, code: 110, limit: 250))
    }

    @Test("An endpoint that fails is worth one line, and one when it is back, however many clients met it")
    func endpointsThatGoAndComeBackAreNamed() throws {
        let endpoint = Endpoint(try #require(EndpointAddress("10.0.0.1:80")), podName: "web-1")
        let gone = "default/web: web-1 10.0.0.1:80: \(words)"
        let back = "default/web: web-1 10.0.0.1:80 answers again"
        let once = [.endpointEjected(port, endpoint), failure(endpoint), failure(endpoint, attempt: 2)]
        #expect(try lines(once + [.endpointReadmitted(port, endpoint)]) == [gone, back])
        #expect(try lines(once + [.endpointReadmitted(port, endpoint)] + once) == [gone, back, gone])
    }

    @Test("Over UDP nobody asks whether it is back")
    func udp() throws {
        let dns = ServicePortID(ServicePortName(namespace: "kube-system", service: "dns"), .udp)
        let failure = DialFailure(port: dns, endpoint: try endpoint("10.0.0.1:53"), attempt: 1, code: 111, limit: 0)
        #expect(
            try lines([.dialFailed(failure)]) == [
                "kube-system/dns/udp: 10.0.0.1:53: connection refused: passed over, if others are there, for 3 s"
            ])
    }

    @Test("What a line says is in fields too, for programs")
    func fields() throws {
        let kept = Locked<[Logger.Metadata]>([])
        var narrator = RelayNarrator(logger: Logger(label: "test") { _ in FieldKeeper(kept: kept) })
        let endpoint = Endpoint(try #require(EndpointAddress("10.0.0.1:80")), podName: "web-1")
        for event in [failure(endpoint), .waitingForEndpoint(port)] { narrator.tell(event) }
        #expect(
            kept.withLock { $0 } == [
                .fields([
                    "service": "default/web", "endpoint": "10.0.0.1:80", "pod": "web-1",
                    "error": "no answer within 250 ms",
                ]),
                .fields(["service": "default/web"]),
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
        #expect(lines[3].hasSuffix("too many open files; raise the limit of open files (LimitNOFILE=, ulimit -n)"))
    }

    @Test func aFloodIsCutShort() throws {
        let endpoints = (1...500).map { Endpoint(EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        let told = try lines(endpoints.map { (failure($0), .zero) } + [(.waitingForEndpoint(port), .seconds(2))])
        #expect(told.count == 12)
        #expect(told.suffix(2).first == "… and 490 more such lines, left out here")
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
        #expect(log.lines.last == "… and 15 more such lines, left out here")
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
                "default/web: 10.0.0.1:80: \(words)", "default/web: 10.0.0.2:80: \(words)",
                "default/web: 10.0.0.1:80: \(words); 599 times more since that was said last",
            ])
    }

    @Test func whoIsNotServedIsToldOncePerUser() throws {
        let client = SocketAddress.loopback(port: 4000)
        let other = SocketAddress(v4: 0xC0A8_0107, port: 4000)
        let bob = RelayEvent.clientRefused(port, client, user: 1001)
        let told = try lines([
            bob, bob, .clientRefused(port, other, user: nil), .clientRefused(port, client, user: 1002),
        ])
        let reason = "is refused: only your own user is served (--share lets others in)"
        #expect(
            told == [
                "default/web: a client of user 1001 \(reason)",
                "default/web: 192.168.1.7:4000, which is no client on this machine, \(reason)",
                "default/web: a client of user 1002 \(reason)",
            ])
    }

    private func endpoint(_ address: String) throws -> Endpoint { Endpoint(try #require(EndpointAddress(address))) }

    @Test("A shortage that comes and goes is told once a minute")
    func shortages() throws {
        let told = try lines((0..<7).map { (.acceptPaused(port, .kernel(24)), .seconds(10 * $0)) })
        #expect(told.count == 2)
        #expect(told.last?.hasSuffix("; 5 times more since that was said last") == true)
    }

    @Test("Clients that are reset are told once a minute for each service port, whatever their family and the reasons")
    func resets() throws {
        func record(_ family: IPAddress.Family, _ outcome: ConnectionRecord.Outcome) -> RelayEvent {
            .connectionEnded(
                ConnectionRecord(
                    port: ServicePortID(port.name, .tcp, EndpointList(family)), client: .loopback(port: 1),
                    endpoint: nil,
                    attempts: 0, bytesUp: 0, bytesDown: 0, milliseconds: 0, outcome: outcome))
        }
        let minute = (0..<60).flatMap { second in
            [
                (record(.ipv4, .unreachable), Duration.seconds(second)), (record(.ipv6, .noEndpoint), .seconds(second)),
                (record(.ipv4, .completed), .seconds(second)),
            ]
        }
        let told = try lines(minute + [(record(.ipv4, .exhausted), .seconds(60))])
        #expect(
            told == [
                "default/web: clients are reset: none of its endpoints could be reached",
                "default/web: clients are reset: descriptors or memory have run out; raise the limit of open files "
                    + "(LimitNOFILE=, ulimit -n); 119 times more since that was said last",
            ])
    }

    @Test func oneServiceThatNobodyReachesKeepsNobodyOutOfTheLog() throws {
        let (dead, good) = (try endpoint("10.0.0.1:80"), try endpoint("10.0.0.2:80"))
        let client = SocketAddress.loopback(port: 1)
        let record = ConnectionRecord(
            port: port, client: client, endpoint: dead, attempts: 4, bytesUp: 0, bytesDown: 0, milliseconds: 3750,
            outcome: .unreachable)
        let flood = (0..<100).flatMap { _ in [failure(dead), .connectionEnded(record)] }
        let told = try lines(flood + [failure(good)])
        #expect(
            told == [
                "default/web: 10.0.0.1:80: \(words)",
                "default/web: clients are reset: none of its endpoints could be reached",
                "default/web: 10.0.0.2:80: \(words)",
            ])
    }
}

/// A log handler that keeps what comes with the messages.
private struct FieldKeeper: LogHandler {
    let kept: Locked<[Logger.Metadata]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { kept.withLock { $0.append(event.metadata ?? [:]) } }
}
