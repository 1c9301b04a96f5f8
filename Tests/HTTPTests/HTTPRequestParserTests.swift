import Testing

@testable import HTTP

@Suite struct HTTPRequestParserTests {
    @Test func readsARequest() {
        let events = Self.parse("GET /some/path?query=1 HTTP/1.1\r\nHost: my-service\r\nUser-Agent: curl\r\n\r\n")
        #expect(events == [.request(HTTPRequest(method: "GET", path: "/some/path", isPersistentByDefault: true))])
    }

    @Test func readsABody() {
        let events = Self.parse("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        #expect(
            events == [
                .request(
                    HTTPRequest(method: "POST", path: "/echo", body: Array("hello".utf8), isPersistentByDefault: true))
            ])
    }

    @Test func readsRequestsOneAfterTheOtherHoweverTheyAreCut() {
        let text =
            "\r\nGET /1 HTTP/1.1\r\n\r\n" + "POST /2 HTTP/1.0\r\ncontent-length:3\r\n\r\nabc"
            + "HEAD /3 HTTP/1.1\nConnection: close\n\n"
        let whole = Self.parse(text)
        #expect(whole.map(Self.path) == ["/1", "/2", "/3"])
        for size in 1..<text.utf8.count {
            #expect(Self.parse(text, cutEvery: size) == whole, "cut every \(size) bytes")
        }
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "Connection: close", false), ("1.1", "connection: Keep-Alive", true),
        ("1.1", "Connection: upgrade,\tClose", false), ("1.1", "Connection: keep-alive, close", false),
        ("1.1", "Connection: closed", true), ("1.0", "", false), ("1.0", "Connection: keep-alive", true),
        ("1.0", "Connection: close", false), ("1.7", "", true),
    ])
    func saysWhetherTheConnectionStays(_ version: String, _ header: String, _ persists: Bool) {
        let head = "GET / HTTP/\(version)\r\n" + (header.isEmpty ? "" : header + "\r\n") + "\r\n"
        guard case .request(let request) = Self.parse(head).first else {
            Issue.record("refused")
            return
        }
        #expect(request.persists == persists)
    }

    @Test(arguments: [
        ("GET\r\n", 400), ("GET /\r\n", 400), ("GET  / HTTP/1.1\r\n", 400), ("GET / HTTP/1.1 \r\n", 400),
        (" GET / HTTP/1.1\r\n", 400), ("G(T / HTTP/1.1\r\n", 400), ("GET / http/1.1\r\n", 400),
        ("GET / HTTP/11\r\n", 400), ("GET / HTTP/1.x\r\n", 400), ("GET /\u{1} HTTP/1.1\r\n", 400),
        ("GET / HTTP/2.0\r\n", 505), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET / HTTP/0.9\r\n", 505),
        ("\u{16}\u{3}\u{1}\u{2}", 400), ("GET / HTTP/1.1\r\nno colon\r\n", 400),
        ("GET / HTTP/1.1\r\n: no name\r\n", 400), ("GET / HTTP/1.1\r\nName : value\r\n", 400),
        ("GET / HTTP/1.1\r\nA: b\r\n folded\r\n", 400), ("GET / HTTP/1.1\r\nA: b\rc\r\n", 400),
        ("GET / HTTP/1.1\r\nA: \0\r\n", 400), ("POST / HTTP/1.1\r\nContent-Length: -1\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 0x5\r\n", 400), ("POST / HTTP/1.1\r\nContent-Length:\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        ("GET / HTTP/1.\r\n\r\n", 400), ("GET / HTTP/1.11\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
    ])
    func refusesWhatIsMalformed(_ text: String, _ status: Int) {
        let events = Self.parse(text)
        #expect(events == [.refused(HTTPStatus(rawValue: status) ?? .ok)])
    }

    @Test func oneLengthTwiceIsOneLength() {
        let events = Self.parse("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx")
        #expect(events.map(Self.path) == ["/"])
    }

    @Test func aHeadHasALimitAndALineWithoutEndToo() {
        let long = String(repeating: "a", count: HTTPRequestParser.largestHead)
        let short = String(repeating: "a", count: HTTPRequestParser.largestHead - 100)
        let many = String(repeating: "A: b\r\n", count: HTTPRequestParser.largestHead / 6)
        #expect(Self.parse("GET /\(short) HTTP/1.1\r\n\r\n").map(Self.path) == ["/\(short)"])
        #expect(Self.parse("GET /\(long) HTTP/1.1\r\n\r\n") == [.refused(.headerFieldsTooLarge)])
        #expect(Self.parse("GET /\(long)") == [.refused(.headerFieldsTooLarge)])
        #expect(Self.parse("GET / HTTP/1.1\r\n\(many)\r\n") == [.refused(.headerFieldsTooLarge)])
        #expect(Self.parse(String(repeating: "\r\n", count: 9000)) == [.refused(.headerFieldsTooLarge)])
        // The limit is for each request.
        let requests = String(repeating: "GET /\(short) HTTP/1.1\r\n\r\n", count: 3)
        #expect(Self.parse(requests).count == 3)
    }

    @Test func aRefusalIsFinal() {
        var parser = HTTPRequestParser()
        Self.append("nonsense\r\n", to: &parser)
        #expect(parser.next() == .refused(.badRequest))
        Self.append("GET / HTTP/1.1\r\n\r\n", to: &parser)
        #expect(parser.next() == .refused(.badRequest))
    }

    @Test func saysOnceThatTheClientWaitsToBeAsked() {
        var parser = HTTPRequestParser()
        Self.append("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", to: &parser)
        #expect(parser.next() == .expectsContinue)
        #expect(parser.next() == .needsMore)
        Self.append("x", to: &parser)
        #expect(parser.next() == .needsMore)
        Self.append("y", to: &parser)
        guard case .request = parser.next() else {
            Issue.record("no request")
            return
        }
        // Whoever has sent the body already, or cannot know of the interim answer, is not asked.
        let sent = Self.parse("POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx")
        #expect(sent.map(Self.path) == ["/"])
        let old = Self.parse("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        #expect(old.isEmpty)
    }

    @Test func knowsWhetherItIsInsideARequest() {
        var parser = HTTPRequestParser()
        #expect(!parser.isInsideRequest)
        for part in ["G", "ET / HTTP/1.1", "\r\n", "Content-Length: 1\r\n", "\r\n"] {
            Self.append(part, to: &parser)
            #expect(parser.next() == .needsMore)
            #expect(parser.isInsideRequest)
        }
        Self.append("x", to: &parser)
        #expect(parser.next() != .needsMore)
        #expect(parser.next() == .needsMore)
        #expect(!parser.isInsideRequest)
    }

    // MARK: Helpers

    /// Everything that the parser makes of `text`, given to it in pieces.
    private static func parse(_ text: String, cutEvery size: Int = .max) -> [HTTPRequestParser.Event] {
        var parser = HTTPRequestParser()
        var events: [HTTPRequestParser.Event] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            Array(rest.prefix(size)).withUnsafeBytes { parser.append($0) }
            rest = rest.dropFirst(size)
            while true {
                let event = parser.next()
                if event == .needsMore { break }
                events.append(event)
                if case .refused = event { return events }
            }
        }
        return events
    }

    private static func append(_ text: String, to parser: inout HTTPRequestParser) {
        Array(text.utf8).withUnsafeBytes { parser.append($0) }
    }

    private static func path(_ event: HTTPRequestParser.Event) -> String? {
        if case .request(let request) = event { request.path } else { nil }
    }
}
