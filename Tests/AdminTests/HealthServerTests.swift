import Base
import EventLoop
import HTTP
import Status
import TestSupport
import Testing

@testable import Admin

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

    @Test("Before anything is known of the cluster that is said, to load balancers and not to the kubelet")
    func unsynced() async throws {
        health.nodeEligibility = .unsynced
        let answer = try await ask(server.address.port, "/healthz")
        #expect(answer.status.contains(" 503 ") && answer.body.contains(#""healthy":true,"synced":false,"#))
        #expect(try await ask(server.address.port, "/livez").status.contains(" 200 "))
        #expect(health.takesClients, "what is asked for of each Service is another matter")
        health.nodeEligibility = .eligible
        #expect(try await !ask(server.address.port, "/healthz").body.contains("synced"))
    }

    @Test("Of one family alone a sync may be asked for, and at a time that is long past")
    func oneFamily() {
        let health = ProxyHealth(syncPeriod: .seconds(10), clock: clock.clock)
        let start = clock.clock.now()
        clock.advance(by: .seconds(21))
        health.syncRequested([.ipv6], at: start)
        #expect(!health.isHealthy)
        health.syncSucceeded(.ipv4)
        #expect(!health.isHealthy)
        health.syncSucceeded(.ipv6)
        #expect(health.isHealthy)
        // As old as is allowed.
        health.syncRequested([.ipv4], at: clock.clock.now() - .seconds(20))
        #expect(health.isHealthy)
        clock.advance(by: .nanoseconds(1))
        #expect(!health.isHealthy)
    }

    @Test(
        "Times are written as Go writes them",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000000001Z"),
            (1_772_600_767_089_000_000, "2026-03-04T05:06:07.089Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_700_000_000_120_000_000, "2023-11-14T22:13:20.12Z"),
        ] as [(Int64, String)])
    func times(_ nanoseconds: Int64, _ expected: String) {
        #expect(rfc3339(nanoseconds) == expected)
    }

    @Test("Who closes it twice has closed it, and its port is free")
    func closing() throws {
        let port = server.address.port
        server.close()
        server.close()
        let next = try HealthServer(health, at: .loopback(port: port), on: http)
        #expect(next.address.port == port && next.answers(to: .healthz).isEmpty)
    }
}
