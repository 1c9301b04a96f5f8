import Testing

@testable import KubernetesAPI

@Suite("What is said to a proxy")
struct HandshakeTests {
    private let server = ServerURL(isSecure: true, host: "api.example", port: 6443)

    private func proxy(_ scheme: ProxyURL.Scheme, user: String? = nil, password: String? = nil) -> ProxyURL {
        var proxy = ProxyURL(scheme, host: "proxy", port: 3128)
        (proxy.user, proxy.password) = (user, password)
        return proxy
    }

    /// What the handshake comes to when `answers` come a byte at a time.
    private func steps(
        _ handshake: inout some ProxyHandshake, _ answers: [UInt8]
    ) throws(ConnectorError) -> [HandshakeStep] {
        var (input, steps) = ([UInt8](), [HandshakeStep]())
        for byte in answers {
            input.append(byte)
            let step = try handshake.take(&input)
            if step != .wait { steps.append(step) }
        }
        return steps
    }

    @Test("CONNECT names the server, and shows a login if there is one")
    func connect() throws {
        let plain = ConnectHandshake(to: server, proxy(.http))
        var first = plain
        #expect(
            String(decoding: first.begin(), as: UTF8.self)
                == "CONNECT api.example:6443 HTTP/1.1\r\nHost: api.example:6443\r\n\r\n")
        var login = ConnectHandshake(to: server, proxy(.http, user: "jo", password: "se:cret"))
        #expect(
            String(decoding: login.begin(), as: UTF8.self).contains(
                "\r\nProxy-Authorization: Basic am86c2U6Y3JldA==\r\n"))
        #expect(try steps(&login, Array("HTTP/1.0 200 OK\r\nA: b\r\n\r\n".utf8)) == [.done])
    }

    @Test(
        "What a proxy says against it is told",
        arguments: [
            ("HTTP/1.1 407 No\r\n\r\n", ConnectorError.loginRefused),
            ("HTTP/1.1 403 Not \u{1B}[31m you\r\n\r\n", .refused("403 Not [31m you")),
            ("SSH-2.0-OpenSSH\r\n\r\n", .notAProxy),
            ("HTTP/1.1 2\r\n\r\n", .refused("2")),
            ("HTTP/1.1\r\n\r\n", .notAProxy),
            (String(repeating: "a", count: 20_000), .notAProxy),
        ])
    func connectRefused(answer: String, error: ConnectorError) {
        var handshake = ConnectHandshake(to: server, proxy(.http))
        #expect(throws: error) { try steps(&handshake, Array(answer.utf8)) }
    }

    @Test("SOCKS5 sends a name as a name, and an address as an address")
    func socks() throws {
        var handshake = try SOCKSHandshake(to: server, proxy(.socks5))
        #expect(handshake.begin() == [5, 1, 0])
        let request: [UInt8] = [5, 1, 0, 3, 11] + Array("api.example".utf8) + [0x19, 0x2B]
        let answers: [UInt8] = [5, 0] + [5, 0, 0, 3, 2, 97, 98, 0, 1]
        #expect(try steps(&handshake, answers) == [.send(request), .done])

        var numeric = try SOCKSHandshake(to: ServerURL(isSecure: true, host: "fd00::1", port: 443), proxy(.socks5))
        let address: [UInt8] = [0xFD] + [UInt8](repeating: 0, count: 14) + [1]
        let reply: [UInt8] = [5, 0] + [5, 0, 0, 4] + [UInt8](repeating: 7, count: 18)
        #expect(try steps(&numeric, reply) == [.send([5, 1, 0, 4] + address + [1, 0xBB]), .done])
    }

    @Test("SOCKS5 shows a login where the proxy wants one")
    func socksLogin() throws {
        var handshake = try SOCKSHandshake(to: server, proxy(.socks5, user: "jo", password: "pw"))
        #expect(handshake.begin() == [5, 2, 0, 2])
        let request: [UInt8] = [5, 1, 0, 3, 11] + Array("api.example".utf8) + [0x19, 0x2B]
        let answers: [UInt8] = [5, 2, 1, 0] + [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        #expect(try steps(&handshake, answers) == [.send([1, 2, 106, 111, 2, 112, 119]), .send(request), .done])
    }

    @Test(
        "What a SOCKS5 proxy says against it is told",
        arguments: [
            ([4, 0], ConnectorError.notAProxy), ([5, 0xFF], .loginRefused), ([5, 2, 1, 1], .loginRefused),
            ([5, 0, 5, 2, 0, 1, 0], .refused("not allowed by its rules")), ([5, 0, 5, 0, 0, 9, 0], .notAProxy),
        ] as [([UInt8], ConnectorError)])
    func socksRefused(answer: [UInt8], error: ConnectorError) throws {
        var handshake = try SOCKSHandshake(to: server, proxy(.socks5, user: "jo", password: "pw"))
        #expect(throws: error) { try steps(&handshake, answer) }
    }

    @Test("A login that does not fit is refused before it is sent")
    func tooLong() {
        let long = String(repeating: "x", count: 256)
        #expect(throws: ConnectorError.self) { try SOCKSHandshake(to: server, proxy(.socks5, user: long)) }
    }
}
