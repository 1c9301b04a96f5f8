import APITestSupport
import Glibc
import KubernetesAPI
import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("Tunnels by TLS, by proxies, and with credentials that expire", .requires(.tool("openssl")))
struct WayTests {
    private func echoes(_ tunnels: TestTunnels) async throws -> Bool {
        let client = tunnels.connect()
        try await client.send("hello")
        try await client.endSending()
        return try await client.readText() == "hello"
    }

    private func server(
        names: [String] = ["DNS:api.invalid", "IP:127.0.0.1"],
        refusing: @escaping @Sendable (ReceivedRequest) -> Int? = { _ in nil }
    ) async throws -> (PortForwardServer, TestAuthority) {
        let authority = try await TestAuthority()
        let server = try await PortForwardServer(identity: try await authority.server(names), refusing: refusing)
        server.play("my-pod", 8080, .echo())
        server.play("my-pod", 8081, .source(5_000_000))
        return (server, authority)
    }

    @Test("By TLS, with the credentials of the kubeconfig")
    func tls() async throws {
        let (server, authority) = try await server()
        let tunnels = try TestTunnels(
            server.port, secure: true,
            credentials: FixedCredentials(tls: TLSMaterial(revision: 1, authorities: authority.certificate)))
        for _ in 0..<3 { #expect(try await echoes(tunnels)) }
        #expect(try await tunnels.connect("my-pod", 8081).read() == PortForwardServer.pattern(5_000_000))
        #expect(server.requests.first?.header("authorization") == "Bearer secret")
        #expect(server.requests.first?.target == "/api/v1/namespaces/default/pods/my-pod/portforward")
    }

    @Test("C16: by proxies of each kind with a login", arguments: [ProxyURL.Scheme.http, .https, .socks5])
    func proxies(scheme: ProxyURL.Scheme) async throws {
        let (server, authority) = try await server()
        let proxy = try await ScriptedProxy(
            scheme == .socks5 ? .socks5 : .http,
            identity: scheme == .https ? try await authority.server(["DNS:localhost"]) : nil, login: "jo:pass",
            target: server.port)
        let tunnels = try TestTunnels(
            6443, secure: true,
            credentials: FixedCredentials(tls: TLSMaterial(revision: 1, authorities: authority.certificate)),
            host: "api.invalid",
            access: { access in
                var url = ProxyURL(scheme, host: scheme == .https ? "localhost" : "127.0.0.1", port: proxy.port)
                (url.user, url.password) = ("jo", "pass")
                access.proxy = url
            })
        #expect(try await echoes(tunnels))
        #expect(proxy.requests.count >= 1)
        #expect(server.requests.allSatisfy { $0.method == "GET" })
    }

    @Test("C16: a server that NO_PROXY excepts by its range is reached directly")
    func noProxy() async throws {
        let (server, authority) = try await server(names: ["IP:127.0.0.1", "IP:198.18.7.7"])
        let proxy = try await ScriptedProxy(.http, target: nil)
        let tunnels = try TestTunnels(
            server.port, secure: true,
            credentials: FixedCredentials(tls: TLSMaterial(revision: 1, authorities: authority.certificate)),
            environment: ["HTTPS_PROXY": "http://127.0.0.1:\(proxy.port)", "NO_PROXY": "10.0.0.0/8,127.0.0.0/8"])
        #expect(try await echoes(tunnels))
        #expect(proxy.requests.isEmpty)
    }

    @Test("C17: a token that has expired is renewed once, and nobody sees it")
    func renewal() async throws {
        let (server, authority) = try await server { request in
            request.header("authorization") == "Bearer new" ? nil : 401
        }
        let tunnels = try TestTunnels(
            server.port, secure: true,
            credentials: FixedCredentials(
                token: "old", next: "new", tls: TLSMaterial(revision: 1, authorities: authority.certificate)))
        for _ in 0..<3 { #expect(try await echoes(tunnels)) }
        #expect(server.requests.filter { $0.header("authorization") == "Bearer old" }.count == 1)
        #expect(server.requests.allSatisfy { $0.method == "GET" })
        #expect(tunnels.problems.isEmpty)
    }

    @Test("C13: what is idle or silent says something again and again", arguments: Kind.allCases)
    func pings(kind: Kind) async throws {
        let server = try await TunnelsTests.server(kind)
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port) { $0.pinging = Pinging(every: .milliseconds(30), most: 3) }
        #expect(Pinging().every <= .seconds(10))
        let client = tunnels.connect()
        try await client.send("a")
        #expect(try await client.read(1).count == 1)
        #expect(await eventually { server.notes.filter { $0 == .ping }.count > 20 })
        try await client.send("b")
        try await client.endSending()
        #expect(try await client.readText() == "b")
    }
}
