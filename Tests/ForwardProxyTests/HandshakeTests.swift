import Base
import Testing

@testable import ForwardProxy

/// What a handshake says and asks, whatever pieces the client's bytes come in.
private struct Conversation: Equatable {
    var said: [UInt8] = []
    var asked: ForwardTarget?
    var isOver = false
    var isWrongPassword = false
    var granted: [UInt8] = []
    var greeting: [UInt8] = []

    init(_ pieces: [ArraySlice<UInt8>], password: ProxyPassword? = nil) {
        var handshake = ProxyHandshake(password: password)
        var steps = 0
        func advance() {
            while !isOver, steps < 1000 {
                steps += 1
                switch handshake.next() {
                case .needsMore: return
                case .send(let bytes): said += bytes
                case .ask(let target): asked = target
                case .refuse(let bytes, let isWrong):
                    said += bytes
                    (isOver, isWrongPassword) = (true, isWrong)
                case .hangUp: isOver = true
                }
            }
        }
        for piece in pieces where !isOver {
            handshake.receive(piece)
            advance()
        }
        guard asked != nil else { return }
        (granted, greeting) = handshake.granted()
    }

    init(_ bytes: [UInt8], password: ProxyPassword? = nil) {
        self.init([bytes[...]], password: password)
    }

    var text: String { String(decoding: said, as: UTF8.self) }
    var request: String { String(decoding: granted, as: UTF8.self) }
}

/// The same in one piece, cut at every byte, and byte by byte.
private func talk(
    _ bytes: [UInt8], password: ProxyPassword? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Conversation {
    let whole = Conversation(bytes, password: password)
    for cut in 0...bytes.count {
        #expect(
            Conversation([bytes[..<cut], bytes[cut...]], password: password) == whole, "cut at \(cut)",
            sourceLocation: sourceLocation)
    }
    let single = bytes.indices.map { bytes[$0...$0] }
    #expect(Conversation(single, password: password) == whole, "byte by byte", sourceLocation: sourceLocation)
    return whole
}

private func talk(
    _ text: String, password: ProxyPassword? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Conversation {
    talk(Array(text.utf8), password: password, sourceLocation: sourceLocation)
}

private let noMethod: [UInt8] = [5, 1, 0]
private let webShop: [UInt8] = [5, 1, 0, 3, 8] + Array("web.shop".utf8) + [0, 80]
private let secret = ProxyPassword("ann:s3cret".utf8)

@Suite("SOCKS, as a value")
struct SOCKSHandshakeTests {
    @Test("A name, and what follows it at once")
    func name() {
        let talk = talk(noMethod + webShop + Array("GET /".utf8))
        #expect(talk.said == [5, 0])
        #expect(talk.asked == ForwardTarget(host: .name("web.shop"), port: 80))
        #expect(talk.request == "GET /")
        #expect(talk.greeting == [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(!talk.isOver)
    }

    @Test("Addresses of both families, also where a name should be")
    func addresses() throws {
        let v4 = talk(noMethod + [5, 1, 0, 1, 10, 0, 0, 7, 0x1F, 0x90])
        #expect(v4.asked?.description == "10.0.0.7:8080")
        let v6 = talk(noMethod + [5, 1, 0, 4, 0xFD] + Array(repeating: 0, count: 14) + [1, 0, 80])
        #expect(v6.asked?.description == "[fd00::1]:80")
        for text in ["10.0.0.7", "fd00::1", "[fd00::1]"] {
            let talk = talk(noMethod + [5, 1, 0, 3, UInt8(text.utf8.count)] + Array(text.utf8) + [0, 80])
            guard case .address = talk.asked?.host else {
                Issue.record("\(text) is an address")
                continue
            }
        }
    }

    @Test("Other commands, kinds of addresses and versions are refused")
    func refused() {
        for command: UInt8 in [0, 2, 3, 255] {
            #expect(talk(noMethod + [5, command, 0, 1, 1, 2, 3, 4, 0, 80]).said.dropFirst(2).prefix(2) == [5, 7])
        }
        #expect(talk(noMethod + [5, 1, 0, 2, 1, 2, 3, 4, 0, 80]).said.dropFirst(2).prefix(2) == [5, 8])
        #expect(talk(noMethod + [4, 1, 0, 1, 1, 2, 3, 4, 0, 80]).said.dropFirst(2).prefix(2) == [5, 1])
        for host in ["", "a b", "a\u{0}b", "a/b", "ü", "a@b", "::zz"] {
            let bytes = Array(host.utf8)
            let talk = talk(noMethod + [5, 1, 0, 3, UInt8(bytes.count)] + bytes + [0, 80])
            #expect(talk.asked == nil && talk.isOver, "\(host)")
        }
        #expect(talk([5, 0]).said == [5, 0xFF])
        #expect(talk([5, 2, 1, 0x80]).said == [5, 0xFF])
        // Version 4 gets an answer in its own form.
        #expect(talk([4, 1, 0, 80, 10, 0, 0, 7, 0]).said == [0, 91, 0, 0, 0, 0, 0, 0])
    }

    @Test("The longest that there is")
    func longest() {
        let name = Array(repeating: UInt8(ascii: "a"), count: 255)
        let methods: [UInt8] = [5, 255] + Array(repeating: 1, count: 254) + [0]
        let talk = Conversation(methods + [5, 1, 0, 3, 255] + name + [0xFF, 0xFF])
        #expect(talk.asked == ForwardTarget(host: .name(String(decoding: name, as: UTF8.self)), port: 65_535))
    }

    @Test("A password, where there is one")
    func password() throws {
        let secret = try #require(secret)
        func login(_ user: String, _ password: String) -> [UInt8] {
            [1, UInt8(user.utf8.count)] + Array(user.utf8) + [UInt8(password.utf8.count)] + Array(password.utf8)
        }
        let right = talk([5, 2, 0, 2] + login("ann", "s3cret") + webShop + [7], password: secret)
        #expect(right.said == [5, 2, 1, 0] && right.asked?.port == 80 && right.granted == [7])
        for (user, said) in [("ann", "s3cre"), ("ann", "s3crett"), ("ann", ""), ("", "s3cret"), ("bob", "s3cret")] {
            let wrong = talk([5, 1, 2] + login(user, said) + webShop, password: secret)
            #expect(wrong.said == [5, 2, 1, 1] && wrong.isOver && wrong.isWrongPassword && wrong.asked == nil)
        }
        #expect(talk([5, 1, 0] + webShop, password: secret).said == [5, 0xFF], "it cannot be gone round")
        #expect(talk([5, 1, 2, 5] + webShop, password: secret).said == [5, 2, 1, 1])
        // Where none is needed, any will do for clients that insist.
        #expect(talk([5, 1, 2] + login("x", "y") + webShop).asked != nil)
    }

    @Test("Refusals in its own words")
    func refusals() {
        var handshake = ProxyHandshake(password: nil)
        handshake.receive(noMethod + webShop)
        while case .send = handshake.next() {}
        let replies: [(ForwardRefusal.Kind, UInt8)] = [(.notAllowed, 2), (.unavailable, 5), (.unknownHost, 4)]
        for (kind, reply) in replies {
            #expect(handshake.refused(ForwardRefusal(kind, "why")).prefix(2) == [5, reply])
        }
    }
}

@Suite("HTTP, as a value")
struct HTTPHandshakeTests {
    @Test("CONNECT, and what follows it at once")
    func connect() {
        let talk = talk("CONNECT web.shop:443 HTTP/1.1\r\nHost: web.shop:443\r\n\r\nhello")
        #expect(talk.asked?.description == "web.shop:443")
        #expect(talk.request == "hello" && talk.said.isEmpty)
        #expect(String(decoding: talk.greeting, as: UTF8.self) == "HTTP/1.1 200 Connection established\r\n\r\n")
        #expect(Conversation(Array("CONNECT [fd00::1]:80 HTTP/1.0\n\n".utf8)).asked?.description == "[fd00::1]:80")
    }

    @Test("A request for an absolute URI becomes one for the path, and the last of its connection")
    func absolute() {
        let talk = talk(
            """
            POST http://web.shop:8080/a/b?c=d#e HTTP/1.1\r\nhost: other\r\nAccept: */*\r\nProxy-Connection: Keep-Alive\r
            Proxy-Authorization: Basic eA==\r\nConnection: keep-alive, X-Mine\r\nx-mine: 1\r\nContent-Length: 2\r\n\r\nhi
            """)
        #expect(talk.asked?.description == "web.shop:8080" && talk.greeting.isEmpty && talk.said.isEmpty)
        #expect(
            talk.request
                == "POST /a/b?c=d HTTP/1.1\r\nHost: web.shop:8080\r\nConnection: close\r\nAccept: */*\r\n"
                + "Content-Length: 2\r\n\r\nhi")
    }

    @Test("Its many forms")
    func forms() {
        for (uri, port, line) in [
            ("http://web.shop", 80, "GET / "), ("http://web.shop/", 80, "GET / "),
            ("HTTP://web.shop?a", 80, "GET /?a "),
            ("http://me:pw@web.shop:81/x", 81, "GET /x "), ("http://web.shop:/x", 80, "GET /x "),
        ] {
            let talk = talk("GET \(uri) HTTP/1.1\r\n\r\n")
            #expect(talk.asked == ForwardTarget(host: .name("web.shop"), port: UInt16(port)), "\(uri)")
            #expect(talk.request.hasPrefix(line), "\(uri): \(talk.request)")
        }
        #expect(talk("OPTIONS http://web.shop HTTP/1.1\r\n\r\n").request.hasPrefix("OPTIONS * HTTP/1.1\r\n"))
        let bare = talk("GET http://[fd00::1]/ HTTP/1.1\r\n\r\n")
        #expect(bare.asked?.description == "[fd00::1]:80" && bare.request.contains("Host: [fd00::1]\r\n"))
    }

    @Test("The fields that say where the body ends stay, whoever names them")
    func body() {
        let talk = talk(
            "POST http://a/ HTTP/1.1\r\nConnection: content-length, transfer-encoding\r\nContent-Length: 1\r\n\r\nx")
        #expect(talk.request.contains("Content-Length: 1\r\n") && talk.request.hasSuffix("\r\n\r\nx"))
    }

    @Test("What it refuses, with the status that says so")
    func refused() {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("CONNECT web.shop HTTP/1.1\r\n\r\n", 400),
            ("CONNECT web.shop: HTTP/1.1\r\n\r\n", 400), ("CONNECT web.shop:+80 HTTP/1.1\r\n\r\n", 400),
            ("CONNECT :80 HTTP/1.1\r\n\r\n", 400), ("CONNECT fd00::1 HTTP/1.1\r\n\r\n", 400),
            ("GET https://web.shop/ HTTP/1.1\r\n\r\n", 501), ("GET ftp://web.shop/ HTTP/1.1\r\n\r\n", 501),
            ("GET http://web.shop/ HTTP/2.0\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\n", 505),
            ("GET http:///x HTTP/1.1\r\n\r\n", 400), ("GET http://a b/ HTTP/1.1\r\n\r\n", 400),
            ("GET\r\n\r\n", 400), ("GET http://a/ HTTP/1.1\r\nName : x\r\n\r\n", 400),
            ("GET http://a/ HTTP/1.1\r\nA: x\r\n folded\r\n\r\n", 400),
            ("GET http://a/ HTTP/1.1\r\nA: x\ry: z\r\n\r\n", 400),
        ] {
            let talk = talk(request)
            #expect(talk.isOver && talk.asked == nil && talk.text.hasPrefix("HTTP/1.1 \(status) "), "\(request)")
            #expect(talk.text.contains("Connection: close\r\n"))
        }
        // TLS, and whatever else does not begin with a letter.
        for first: UInt8 in [0, 1, 22, 0x61, 0x7F, 0xFF] {
            let talk = Conversation([first, 3, 1])
            #expect(talk.isOver && talk.said.isEmpty)
        }
    }

    @Test("A head that does not end is refused when it is too long, in any pieces")
    func tooLong() {
        let line = Array("GET http://a/ HTTP/1.1\r\nA: ".utf8)
        let rest = Array(repeating: UInt8(ascii: "x"), count: HTTPHandshake.largestHead)
        #expect(Conversation(line + rest).text.hasPrefix("HTTP/1.1 431 "))
        #expect(Conversation(line + rest + Array("\r\n\r\n".utf8)).text.hasPrefix("HTTP/1.1 431 "))
        let pieces = (line + rest).indices.map { (line + rest)[$0...$0] }
        #expect(Conversation(Array(pieces.prefix(100))).isOver == false)
        // What follows the head may be as long as it likes.
        let body = Conversation(Array("GET http://a/ HTTP/1.1\r\n\r\n".utf8) + rest)
        #expect(body.asked != nil && body.granted.count > HTTPHandshake.largestHead)
    }

    @Test("A password, where there is one")
    func password() throws {
        let secret = try #require(secret)
        // ann:s3cret
        for request in ["CONNECT web.shop:80 HTTP/1.1\r\n", "GET http://web.shop/ HTTP/1.1\r\n"] {
            let right = talk("\(request)proxy-authorization:  basic YW5uOnMzY3JldA==\r\n\r\n", password: secret)
            #expect(right.asked?.port == 80 && !right.request.lowercased().contains("authorization"))
            for said in [
                "", "Proxy-Authorization: Basic YW5uOnMzY3JldQ==\r\n", "Proxy-Authorization: Basic !\r\n",
                "Authorization: Basic YW5uOnMzY3JldA==\r\n", "Proxy-Authorization: Bearer YW5uOnMzY3JldA==\r\n",
                "Proxy-Authorization: Basic YW5u\r\n",
            ] {
                let wrong = talk("\(request)\(said)\r\n", password: secret)
                #expect(wrong.asked == nil && wrong.text.hasPrefix("HTTP/1.1 407 "), "\(said)")
                #expect(wrong.text.contains("\r\nProxy-Authenticate: Basic realm=\"portico\"\r\n"))
                #expect(wrong.isWrongPassword == said.hasPrefix("Proxy-"))
            }
        }
    }

    @Test("Refusals in its own words")
    func refusals() {
        var handshake = ProxyHandshake(password: nil)
        handshake.receive(Array("CONNECT web.shop:80 HTTP/1.1\r\n\r\n".utf8))
        #expect(handshake.next() == .ask(ForwardTarget(host: .name("web.shop"), port: 80)))
        let answers: [(ForwardRefusal.Kind, String)] = [
            (.notAllowed, "403 Forbidden"), (.unavailable, "503 Service Unavailable"),
            (.unknownHost, "502 Bad Gateway"),
        ]
        for (kind, status) in answers {
            let text = String(decoding: handshake.refused(ForwardRefusal(kind, "why it is so")), as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 \(status)\r\n") && text.hasSuffix("\r\n\r\nportico: why it is so\n"))
            #expect(text.contains("Content-Length: 22\r\n"))
        }
    }

    @Test("Any bytes: it never fails, and never says anything without end")
    func anyBytes() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let starts: [UInt8] = [5, 4, 0x43, 0x47]
            var bytes: [UInt8] = [starts[Int.random(in: 0..<starts.count, using: &random)]]
            for _ in 0..<Int.random(in: 0..<80, using: &random) {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            }
            let talk = Conversation([bytes[0...]])
            #expect(talk.said.count < 1000)
        }
    }
}

@Suite("Passwords")
struct ProxyPasswordTests {
    @Test func readAsTheyAreWritten() {
        for text in ["", ":", "a:", ":b", "ab", "a:b\nc", String(repeating: "a", count: 256) + ":b"] {
            #expect(ProxyPassword(text.utf8) == nil, "\(text)")
        }
        let known = ProxyPassword("a:b:c\r\n".utf8)
        #expect(known?.isMet(user: Array("a".utf8), password: Array("b:c".utf8)) == true)
        #expect(known?.isMet(user: Array("a".utf8), password: Array("b:cb:c".utf8)) == false)
        #expect(known?.isMet(user: [], password: []) == false)
    }
}
