import Balancing
import Base
import EventLoop
import ForwardProxy
import Glibc
import Relay
import TestSupport
import Testing

private let noMethod: [UInt8] = [5, 1, 0]
private let noneNeeded: [UInt8] = [5, 0]
private let granted: [UInt8] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

private func request(_ name: String, _ port: UInt16 = 80) -> [UInt8] {
    [5, 1, 0, 3, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(port >> 8), UInt8(port & 0xFF)]
}

/// A proxy in front of a relay with one service port, `web`.
private final class ProxiedRelay: Sendable {
    let relay: Relay
    let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
    let proxy: ForwardProxyServer
    let port: UInt16
    let events: Locked<[ForwardProxyEvent]>
    /// Questions that nobody has answered: for `later`.
    let waiting: Locked<[@Sendable (ForwardAnswer) -> Void]>

    init(
        _ endpoints: [UInt16], limit: Int = 4096, on addresses: [SocketAddress] = [.loopback(port: 0)],
        _ configure: (inout ForwardProxyServer.Settings) -> Void = { _ in }
    ) async throws {
        let relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: limit)))
        let loopback = IPAddress(v4: 0x7F00_0001)
        let known = endpoints.map { Endpoint(EndpointAddress(ip: loopback, port: $0)) }
        await relay.serve(id, with: Balancer(inOrder: known))
        self.relay = relay
        var settings = ForwardProxyServer.Settings(addresses: addresses)
        configure(&settings)
        let (events, waiting) = (Locked<[ForwardProxyEvent]>([]), Locked<[@Sendable (ForwardAnswer) -> Void]>([]))
        (self.events, self.waiting) = (events, waiting)
        let id = id
        proxy = try ForwardProxyServer(settings) { target, answer in
            switch target.host {
            case .name("web"): answer(.carried(by: id))
            case .name("later"): waiting.withLock { $0.append(answer) }
            case .name("empty"): answer(.refused(ForwardRefusal(.unavailable, "nobody serves it")))
            default: answer(.refused(ForwardRefusal(.notAllowed, "\(target) is not allowed")))
            }
        } carry: { client, port in
            let (peer, request, greeting) = (client.peer, client.request, client.greeting)
            relay.adopt(client.take(), from: peer, for: port, after: Opening(request: request, greeting: greeting))
        } report: { event in
            events.withLock { $0.append(event) }
        }
        port = proxy.addresses[0].port
    }

    func client(_ script: PeerStep..., options: SocketOptions = .default) throws -> ScriptedPeer {
        try ScriptedPeer.connect(to: port, options: options, script: script)
    }

    /// What a client is told who asks for `web` by SOCKS and sends `ping`.
    func ping() throws -> ScriptedPeer {
        try client(
            .send(noMethod), .expect(noneNeeded), .send(request("web")), .expect(granted), .send("ping"),
            .expect("ping"),
            .shutdownWrite, .receiveAll)
    }

    func stop() async {
        proxy.stop()
        #expect(await relay.stop())
    }
}

@Suite("A forward proxy, over loopback")
struct ForwardProxyServerTests {
    @Test("SOCKS and HTTP at one port, with all that is sent at once, and byte by byte")
    func bothProtocols() async throws {
        let pod = try ScriptedServer.echo()
        let proxied = try await ProxiedRelay([pod.port])
        let socks = noMethod + request("web") + Array("ping".utf8)
        _ = try await proxied.client(
            .send(socks), .expect(noneNeeded + granted), .expect("ping"), .shutdownWrite, .receiveAll
        ).finished()
        _ = try await proxied.client(
            .send("CONNECT web:80 HTTP/1.1\r\n\r\nping"), .expect("HTTP/1.1 200 Connection established\r\n\r\nping"),
            .shutdownWrite, .receiveAll
        ).finished()
        _ = try await proxied.client(
            .send("GET http://web/a HTTP/1.1\r\nHost: x\r\n\r\nping"),
            .expect("GET /a HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\nping"), .shutdownWrite, .receiveAll
        ).finished()
        let single = try ScriptedPeer.connect(
            to: proxied.port,
            script: socks.map { .send([$0]) } + [
                .expect(noneNeeded + granted), .expect("ping"), .shutdownWrite, .receiveAll,
            ])
        _ = try await single.finished()
        _ = try await proxied.ping().finished()
        #expect(await eventually { proxied.relay.snapshot().total.open == 0 })
        await proxied.stop()
    }

    @Test("Who is refused is told why, to the last byte, also with more under way")
    func refused() async throws {
        let proxied = try await ProxiedRelay([])
        let body = String(repeating: "x", count: 100_000)
        let http = try await proxied.client(
            .send("GET http://other/ HTTP/1.1\r\n\r\n" + body), .shutdownWrite, .receiveAll
        ).finished()
        #expect(http.received.text.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(http.received.text.hasSuffix("portico: other:80 is not allowed\n"))
        let empty = try await proxied.client(.send("CONNECT empty:80 HTTP/1.1\r\n\r\n"), .receiveAll).finished()
        #expect(empty.received.text.hasPrefix("HTTP/1.1 503 "))
        for (name, reply) in [("other", 2), ("empty", 5)] as [(String, UInt8)] {
            let socks = try await proxied.client(.send(noMethod + request(name)), .receiveAll).finished()
            #expect(socks.received.head == noneNeeded + [5, reply] + granted.dropFirst(2))
        }
        let target = ForwardTarget(host: .name("other"), port: 80)
        let refusal = ForwardRefusal(.notAllowed, "other:80 is not allowed")
        #expect(proxied.events.withLock { $0.contains(.refused(target, refusal)) })
        await proxied.stop()
    }

    @Test("A Service whose pod refuses: no success is told, but a reset")
    func unreachable() async throws {
        let proxied = try await ProxiedRelay([try RefusingPort().port])
        let report = try await proxied.client(
            .send(noMethod), .expect(noneNeeded), .send(request("web")), .receiveReset
        ).finished()
        #expect(report.received.head == noneNeeded)
        await proxied.stop()
    }

    @Test("An answer may come later, and too late")
    func later() async throws {
        let pod = try ScriptedServer.echo()
        let proxied = try await ProxiedRelay([pod.port])
        let patient = try proxied.client(
            .send(noMethod + request("later") + Array("ping".utf8)), .expect(noneNeeded + granted), .expect("ping"),
            .shutdownWrite, .receiveAll)
        #expect(await eventually { proxied.waiting.withLock { $0.count } == 1 })
        _ = try await proxied.ping().finished()
        proxied.waiting.withLock { $0.removeFirst() }(.carried(by: proxied.id))
        _ = try await patient.finished()
        // One that has gone meanwhile.
        let gone = try proxied.client(.send(noMethod + request("later")), .expect(noneNeeded), .reset)
        #expect(await eventually { proxied.waiting.withLock { $0.count } == 1 })
        _ = try await gone.finished()
        proxied.waiting.withLock { $0[0] }(.carried(by: proxied.id))
        _ = try await proxied.ping().finished()
        // And after the proxy itself.
        let last = try proxied.client(.send(noMethod + request("later")), .expect(noneNeeded), .receiveAll)
        #expect(await eventually { proxied.waiting.withLock { $0.count } == 2 })
        await proxied.stop()
        proxied.waiting.withLock { $0[1] }(.carried(by: proxied.id))
        _ = await last.report()
    }

    @Test("Who says nothing, or not enough, is let go in time")
    func limit() async throws {
        let proxied = try await ProxiedRelay([]) { $0.handshakeLimit = 50 }
        let silent = try [[], noMethod, Array("CONNECT web".utf8), noMethod + request("later")].map {
            try proxied.client(.send($0), .receiveAll)
        }
        for client in silent { _ = await client.report() }
        await proxied.stop()
    }

    @Test("500 that are half done keep nobody out", .timeLimit(.minutes(2)))
    func manyHalfDone() async throws {
        let pod = try ScriptedServer.echo()
        let proxied = try await ProxiedRelay([pod.port]) { $0.mostHandshakes = 64 }
        let crowd = try await ClientCrowd.connect(500, to: proxied.port)
        for _ in 0..<20 { _ = try await proxied.ping().finished() }
        crowd.close()
        await proxied.stop()
    }

    @Test("Hundreds of connections beside streams", .timeLimit(.minutes(3)))
    func load() async throws {
        let pod = try ScriptedServer.echo()
        let proxied = try await ProxiedRelay([pod.port])
        let streams = try (0..<4).map { seed in
            try proxied.client(
                .send(noMethod), .expect(noneNeeded), .send(request("web")), .expect(granted),
                .meanwhile([.sendPattern(count: 32 << 20, seed: UInt64(seed)), .shutdownWrite]),
                .expectPattern(count: 32 << 20, seed: UInt64(seed)))
        }
        for _ in 0..<10 {
            let clients = try (0..<40).map { _ in try proxied.ping() }
            for client in clients { _ = try await client.finished() }
        }
        for stream in streams { _ = try await stream.finished() }
        await proxied.stop()
    }

    @Test("Of other users nobody is served, before a word is read")
    func strangers() async throws {
        let proxied = try await ProxiedRelay([]) { $0.peers = PeerPolicy(user: geteuid() + 1) }
        for _ in 0..<3 {
            let report = await (try proxied.client(.receiveReset)).report()
            #expect(report.sawReset || report.failure?.reason.isReset == true)
        }
        let told = proxied.events.withLock { $0 }
        guard case .stranger(_, let user) = told.first else { throw PeerError.unexpected("\(told)") }
        #expect(user == geteuid())
        await proxied.stop()
    }

    @Test("A wrong password is told of, and the right one counts")
    func password() async throws {
        let pod = try ScriptedServer.echo()
        let proxied = try await ProxiedRelay([pod.port]) { $0.password = ProxyPassword("a:b".utf8) }
        let wrong: [UInt8] = [5, 1, 2, 1, 1, 0x61, 1, 0x63]
        let report = try await proxied.client(.send(wrong), .receiveAll).finished()
        #expect(report.received.head == [5, 2, 1, 1])
        let right: [UInt8] = [5, 1, 2, 1, 1, 0x61, 1, 0x62]
        _ = try await proxied.client(
            .send(right + request("web")), .expect([5, 2, 1, 0] + granted), .send("x"), .expect("x")
        ).finished()
        #expect(proxied.events.withLock { $0.contains { if case .wrongPassword = $0 { true } else { false } } })
        await proxied.stop()
    }

    @Test("Both families at one port, and what this machine lacks is left out")
    func addresses() async throws {
        let loopback6 = SocketAddress(v6High: 0, low: 1, port: 0)
        let absent = SocketAddress(v4: 0xCB00_7107, port: 0)
        let proxied = try await ProxiedRelay([], on: [.loopback(port: 0), loopback6, absent])
        let addresses = proxied.proxy.addresses
        #expect(addresses[0].port > 0 && addresses.count <= 2 && addresses.allSatisfy { $0.port == addresses[0].port })
        await #expect(throws: SystemError.self) { try await ProxiedRelay([], on: [addresses[0]]) }
        await #expect(throws: SystemError.self) { try await ProxiedRelay([], on: [absent]) }
        await proxied.stop()
    }

    @Test("Where there are no descriptors clients wait, and go on when there are some")
    func shortage() async throws {
        await #expect(processExitsWith: .success) {
            let pod = try ScriptedServer.echo()
            let proxied = try await ProxiedRelay([pod.port], limit: 64) { $0.mostHandshakes = 8 }
            _ = try await proxied.ping().finished()
            // All numbers up to the limit but a few.
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let highest = Descriptors.list().count + 40
            limit.rlim_cur = rlim_t(highest)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var hoard: [Int32] = []
            while case let copy = dup(1), copy >= 0 { hoard.append(copy) }
            for file in hoard.suffix(6) { close(file) }
            let clients = (0..<2).compactMap { _ in try? proxied.ping() }
            for file in hoard.dropLast(6) { close(file) }
            for client in clients { _ = try await client.finished() }
            _ = try await proxied.ping().finished()
            await proxied.stop()
        }
    }
}
