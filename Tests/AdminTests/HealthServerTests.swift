import Admin
import Base
import EventLoop
import HTTP
import Status
import TestSupport
import Testing

/// `/healthz` and `/livez` (docs/behaviour.md, B11.1 and B11.2), asked for as load balancers and the kubelet do.
@Suite(.timeLimit(.minutes(2))) struct HealthServerTests {
    private let clock = FakeClock()
    private let board = StatusBoard()
    private let health: ProxyHealth
    private let http: HTTPServer
    private let server: HealthServer

    init() throws {
        health = ProxyHealth(status: board, clock: clock.clock)
        health.nodeEligibility = .eligible
        http = try HTTPServer(name: "health")
        server = try HealthServer(health, at: .loopback(port: 0), on: http)
    }

    private func status(_ path: String) async throws -> String {
        try await ask(server.address.port, path).status.split(separator: " ")[1].description
    }

    @Test func freshIsHealthyOverdueIsNotAndASyncHeals() async throws {
        #expect(try await status("/healthz") == "200")
        clock.advance(by: .seconds(3600))
        #expect(try await status("/healthz") == "200", "without changes its last sync may be long ago")

        health.syncRequested()
        clock.advance(by: .seconds(59))
        health.syncRequested()
        #expect(try await status("/healthz") == "200")
        clock.advance(by: .seconds(2))
        #expect(try await status("/healthz") == "503", "the oldest request counts")
        #expect(try await status("/livez") == "503")

        health.syncSucceeded(.ipv4)
        #expect(try await status("/healthz") == "503", "the other family is still late")
        health.syncSucceeded(.ipv6)
        #expect(try await status("/healthz") == "200")
        #expect(try await status("/livez") == "200")
    }

    @Test(arguments: [NodeEligibility.unknown, .beingDeleted, .aboutToBeRemoved])
    func aNodeThatIsNotEligibleIsAliveAllTheSame(_ eligibility: NodeEligibility) async throws {
        health.nodeEligibility = eligibility
        #expect(try await status("/healthz") == "503")
        #expect(try await status("/livez") == "200")
        health.nodeEligibility = .eligible
        #expect(try await status("/healthz") == "200")
    }

    @Test func whoeverDrainsIsNoHealthForNewClientsAndAlive() async throws {
        health.syncRequested()
        board.update { $0.enter(.draining) }
        for path in ["/healthz", "/livez"] {
            let answer = try await ask(server.address.port, path)
            #expect(answer.status.contains(path == "/livez" ? " 200 " : " 503 "))
            #expect(answer.body.contains(#""healthy":true,"draining":true,"status":"#), "\(answer.body)")
        }
        clock.advance(by: .seconds(3600))
        #expect(try await status("/livez") == "200", "no sync will follow, and none is missing")
        #expect(try await status("/healthz") == "503")
    }

    @Test func saysWhenAndWhyInJSON() async throws {
        clock.advance(by: .milliseconds(1))
        health.syncSucceeded(.ipv6)
        clock.advance(by: .seconds(10))
        var answer = try await ask(server.address.port, "/healthz")
        #expect(answer.status == "HTTP/1.1 200 OK")
        #expect(answer.headers.isSuperset(of: ["Content-Type: application/json", "X-Content-Type-Options: nosniff"]))
        let families =
            #""status":{"IPv4":{"lastUpdated":"2026-03-04T05:06:07.089Z","healthy":true},"#
            + #""IPv6":{"lastUpdated":"2026-03-04T05:06:07.09Z","healthy":true}}}"#
        let now = "2026-03-04T05:06:17.09Z"
        #expect(
            answer.body
                == #"{"lastUpdated":"\#(now)","currentTime":"\#(now)","nodeEligible":true,"healthy":true,"# + families)

        answer = try await ask(server.address.port, "/livez")
        #expect(answer.body == #"{"lastUpdated":"\#(now)","currentTime":"\#(now)","healthy":true,"# + families)

        // With 503 the newest real time.
        health.nodeEligibility = .beingDeleted
        answer = try await ask(server.address.port, "/healthz")
        #expect(
            answer.body == #"{"lastUpdated":"2026-03-04T05:06:07.09Z","currentTime":"\#(now)","#
                + #""nodeEligible":false,"healthy":true,"# + families)
    }

    @Test func nothingElseIsThere() async throws {
        for path in ["/", "/healthz/", "/metrics"] { #expect(try await status(path) == "404") }
        #expect(try await status("/healthz?verbose=1") == "200")
    }

    @Test func countsWhatItAnswered() async throws {
        _ = try await status("/healthz")
        health.nodeEligibility = .unknown
        for _ in 0..<2 { _ = try await status("/healthz") }
        _ = try await status("/livez")
        _ = try await status("/nothing")
        #expect(server.answers(to: .healthz) == [.ok: 1, .serviceUnavailable: 2])
        #expect(server.answers(to: .livez) == [.ok: 1])
    }

    @Test func aFamilyThatIsNotServedDoesNotMatter() {
        let health = ProxyHealth(families: [.ipv4], clock: clock.clock)
        health.syncRequested()
        health.syncSucceeded(.ipv4)
        health.syncSucceeded(.ipv6)
        clock.advance(by: .seconds(120))
        #expect(health.isHealthy)
        #expect(!String(decoding: health.answer(.livez).body, as: UTF8.self).contains("IPv6"))
    }

    @Test func everyAddressOfBothFamiliesIsListenedAt() async throws {
        let everywhere = try HealthServer(health, at: SocketAddress(v6High: 0, low: 0, port: 0), on: http)
        for host in ["127.0.0.1", "::1"] {
            #expect(try await ask(everywhere.address.port, "/healthz", on: host).status == "HTTP/1.1 200 OK", "\(host)")
        }
        everywhere.close()
        for host in ["127.0.0.1", "::1"] { #expect(try await isRefused(everywhere.address.port, on: host)) }
    }

    @Test func anAddressThatIsTakenIsAnErrorThatNamesIt() throws {
        let error = #expect(throws: SystemError.self) {
            _ = try HealthServer(health, at: server.address, on: http)
        }
        #expect(error?.description.contains("\(server.address)") == true)
        #expect(error?.isAddressInUse == true)
    }
}
