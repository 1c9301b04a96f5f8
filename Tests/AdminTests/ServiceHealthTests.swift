import Base
import EventLoop
import HTTP
import Objects
import Resolution
import Status
import TestSupport
import Testing

@testable import Admin

/// Health checks of Services (docs/behaviour.md, B11.3), asked for as load balancers do.
@Suite(.timeLimit(.minutes(2))) struct ServiceHealthTests {
    private let clock = FakeClock()
    private let board = StatusBoard()
    private let health: ProxyHealth
    private let http: HTTPServer
    private let servers: ServiceHealthServers

    init() throws {
        health = ProxyHealth(status: board, clock: clock.clock)
        http = try HTTPServer(name: "service health")
        servers = ServiceHealthServers(health, on: http)
    }

    private func entry(_ port: UInt16, _ count: Int) -> ServiceHealthEntry { entry("svc", port, count) }

    private func entry(_ name: String, _ port: UInt16, _ count: Int) -> ServiceHealthEntry {
        ServiceHealthEntry(namespace: "ns", name: name, nodePort: port, localEndpoints: count)
    }

    /// - Parameter gone: a Service that is not asked about any more.
    private func changes(_ entries: ServiceHealthEntry..., gone: String? = nil) -> [ObjectKey: ServiceHealthEntry?] {
        var changes: [ObjectKey: ServiceHealthEntry?] = [:]
        if let gone { changes.updateValue(nil, forKey: ObjectKey(namespace: "ns", name: gone)) }
        for entry in entries { changes[ObjectKey(namespace: entry.namespace, name: entry.name)] = entry }
        return changes
    }

    @Test func descriptorsBeyondTheCeilingAreLeftToOthers() throws {
        let modest = ServiceHealthServers(health, on: http, ceiling: 0)
        let problems = modest.update(changes(entry(try freePort(), 1)))
        #expect(problems.count == 2 && problems.allSatisfy { $0.description.contains("Too many open files") })
        #expect(modest.ports.isEmpty)
    }

    @Test func endpointsHereAreHealthAndNoneIsNot() async throws {
        let port = try freePort()
        #expect(servers.update(changes(entry(port, 0))).isEmpty)
        #expect(try await ask(port).status == "HTTP/1.1 503 Service Unavailable")
        #expect(servers.update(changes(entry(port, 2))).isEmpty)
        let answer = try await ask(port)
        #expect(answer.status == "HTTP/1.1 200 OK")
        #expect(
            answer.headers.isSuperset(of: [
                "Content-Type: application/json", "X-Content-Type-Options: nosniff",
                "X-Load-Balancing-Endpoint-Weight: 2",
            ]))
        #expect(
            answer.body == """
                {
                \t"service": {
                \t\t"namespace": "ns",
                \t\t"name": "svc"
                \t},
                \t"localEndpoints": 2,
                \t"serviceProxyHealthy": true
                }
                """)
    }

    @Test func anyPathAndMethodIsAnsweredTheSame() async throws {
        let port = try freePort()
        _ = servers.update(changes(entry(port, 1)))
        let expected = try await ask(port).body
        for (path, method) in [("/healthz", "GET"), ("/any/where?x=y", "GET"), ("/", "DELETE"), ("/", "OPTIONS")] {
            let answer = try await ask(port, path, method: method)
            #expect(answer.body == expected && answer.status == "HTTP/1.1 200 OK")
        }
    }

    @Test func aProxyThatIsBehindIsNoHealthForAnyService() async throws {
        let port = try freePort()
        _ = servers.update(changes(entry(port, 1)))
        health.nodeEligibility = .beingDeleted
        #expect(try await ask(port).status == "HTTP/1.1 200 OK", "the node does not count here")
        health.syncRequested()
        clock.advance(by: .seconds(61))
        let answer = try await ask(port)
        #expect(answer.status == "HTTP/1.1 503 Service Unavailable")
        #expect(answer.body.contains("\t\"localEndpoints\": 1,\n\t\"serviceProxyHealthy\": false\n"))
    }

    @Test func aProxyThatDrainsIsNoHealthForAnyService() async throws {
        let port = try freePort()
        _ = servers.update(changes(entry(port, 1)))
        board.update { $0.enter(.draining) }
        let answer = try await ask(port)
        #expect(answer.status == "HTTP/1.1 503 Service Unavailable")
        #expect(answer.body.contains("\t\"localEndpoints\": 1,\n\t\"serviceProxyHealthy\": false\n"))
    }

    @Test(.requires(.ipv6Loopback)) func listensInBothFamilies() async throws {
        let port = try freePort()
        _ = servers.update(changes(entry(port, 1)))
        #expect(try await ask(port, on: "127.0.0.1").status == "HTTP/1.1 200 OK")
        #expect(try await ask(port, on: "127.0.0.9").status == "HTTP/1.1 200 OK")
        #expect(try await ask(port, on: "::1").status == "HTTP/1.1 200 OK")
    }

    @Test func listensOnlyAtTheAddressesThatAreAskedFor() async throws {
        let port = try freePort()
        let (first, second) = (try #require(IPAddress("127.0.0.2")), try #require(IPAddress("127.0.0.3")))
        #expect(servers.update(changes(entry(port, 1)), addresses: [first]).isEmpty)
        #expect(try await ask(port, on: "127.0.0.2").status == "HTTP/1.1 200 OK")
        #expect(try await isRefused(port, on: "127.0.0.3"))
        #expect(servers.update(changes(entry(port, 1)), addresses: [second]).isEmpty)
        #expect(try await isRefused(port, on: "127.0.0.2"))
        #expect(try await ask(port, on: "127.0.0.3").status == "HTTP/1.1 200 OK")
    }

    @Test func portsOpenMoveAndClose() async throws {
        let (first, second) = (try freePort(), try freePort())
        _ = servers.update(changes(entry("a", first, 1)))
        // The port changes hands: both at once.
        #expect(servers.update(changes(entry("a", second, 1), entry("b", first, 3))).isEmpty)
        #expect(try await ask(first).body.contains("\"name\": \"b\""))
        #expect(try await ask(second).body.contains("\"name\": \"a\""))
        #expect(servers.ports == [first, second])
        #expect(servers.update(changes(gone: "a")).isEmpty)
        #expect(try await isRefused(second))
        #expect(servers.update(changes(gone: "b")).isEmpty)
        #expect(try await isRefused(first))
    }

    @Test func onlyWhatChangesIsTouched() async throws {
        let ports = try (0..<20).map { _ in try freePort() }
        let free = try #require(IPAddress("127.0.0.2"))
        for (number, port) in ports.enumerated() {
            _ = servers.update(changes(entry("s\(number)", port, 1)), addresses: [free])
        }
        #expect(servers.update(changes(entry("s3", ports[3], 0), gone: "s4")).isEmpty)
        #expect(servers.update().isEmpty)
        for (number, status) in [(2, "200 OK"), (3, "503 Service Unavailable")] {
            #expect(try await ask(ports[number], on: "127.0.0.2").status == "HTTP/1.1 \(status)")
        }
        #expect(try await isRefused(ports[4], on: "127.0.0.2"))
        let other = try #require(IPAddress("127.0.0.3"))
        #expect(servers.update(addresses: [other]).isEmpty)
        #expect(try await isRefused(ports[2], on: "127.0.0.2"))
        #expect(try await ask(ports[2], on: "127.0.0.3").status == "HTTP/1.1 200 OK")
    }

    @Test func aChangeCostsTheSameHoweverManyOthersThereAre() {
        // Without addresses there are books and no sockets.
        func cost(_ count: Int) -> Duration {
            let servers = ServiceHealthServers(health, on: http)
            for number in 0..<count {
                _ = servers.update(changes(entry("s\(number)", UInt16(number + 1), 1)), addresses: [])
            }
            return processorTime {
                for endpoints in 0..<1_000 { _ = servers.update(changes(entry("s3", 4, endpoints)), addresses: []) }
            }
        }
        // Three hundred times as many.
        #expect(cost(30_000) < cost(100) * 30)
    }

    @Test func aPortThatIsGivenUpGoesToWhoWaitsForIt() async throws {
        let port = try freePort()
        _ = servers.update(changes(entry("b", port, 1)))
        #expect(servers.update(changes(entry("a", port, 2))).count == 1)
        #expect(servers.update(changes(gone: "b")).isEmpty)
        #expect(try await ask(port).body.contains("\"name\": \"a\""))
    }

    @Test func aConnectionStaysWhileTheCountChanges() async throws {
        let port = try freePort()
        _ = servers.update(changes(entry(port, 1)))
        let changed = Cue()
        let request = "GET / HTTP/1.1\r\n\r\n"
        let client = try ScriptedPeer.connect(
            to: port,
            script: [
                .send(request), .expect(1), .wait(changed), .send(request.dropLast(1) + "Connection: close\r\n\r\n"),
                .receiveAll,
            ])
        #expect(await eventually { client.progress.received.count > 0 })
        _ = servers.update(changes(entry(port, 0)))
        changed.give()
        let text = try await client.finished().received.text
        #expect(text.hasPrefix("HTTP/1.1 200 OK") && text.contains("HTTP/1.1 503 "))
    }

    @Test func aPortThatIsTakenIsToldWithItsHolderAndTriedAgain() async throws {
        let holder = try ScriptedServer(script: [.receiveAll])
        let port = holder.port
        let address = try #require(IPAddress("127.0.0.1"))
        let words =
            "Service ns/svc: cannot listen for health checks at 127.0.0.1:\(port): Address already in use, held by"
        // The kernel's table of sockets is not read at one moment: sometimes the holder is not seen.
        #expect(
            await eventually {
                let problems = servers.update(changes(entry(port, 1)), addresses: [address])
                return problems.map(\.name) == ["svc"] && problems[0].description.hasPrefix(words)
            })
        await holder.stop()
        #expect(await eventually { servers.update(changes(entry(port, 1)), addresses: [address]).isEmpty })
        #expect(try await ask(port).status == "HTTP/1.1 200 OK")
    }

    @Test(arguments: [false, true])
    func twoServicesCannotHaveOnePort(_ isShared: Bool) async throws {
        let servers = ServiceHealthServers(health, on: http, shared: isShared)
        let port = try freePort()
        _ = servers.update(changes(entry("b", port, 1)))
        let problems = servers.update(changes(entry("a", port, 1), entry("b", port, 1)))
        #expect(
            problems.map(\.description) == [
                "Service ns/a: cannot listen for health checks at port \(port): Service ns/b has it"
            ])
        for _ in 0..<5 {
            let body = try await ask(port).body
            #expect(body.contains("\"name\": \"b\""))
        }
    }

    @Test func sharedListenersOutliveTheOldProcess() async throws {
        let port = try freePort()
        let old = ServiceHealthServers(health, on: http, shared: true)
        #expect(old.update(changes(entry(port, 1))).isEmpty)
        let new = ServiceHealthServers(health, on: try HTTPServer(name: "new"), shared: true)
        #expect(new.update(changes(entry(port, 5))).isEmpty)
        #expect(old.update(changes(gone: "svc")).isEmpty)
        for _ in 0..<5 { #expect(try await ask(port).body.contains("\"localEndpoints\": 5")) }
    }
}

/// A port that nobody has at this moment.
private func freePort() throws -> UInt16 {
    let socket = try TCPSocket.reserve(.loopback(port: 0))
    return try TCPSocket.localAddress(of: socket).port
}
