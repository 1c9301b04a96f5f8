import HTTP
import Testing

/// What an attacker tries: to have one request read as two or two as one (RFC 9112, 11.2), and to have bytes get through that
/// mean something else to others.
@Suite("Requests that are made to be misread") struct HTTPAttackTests {
    /// What is to be taken for a request of its own by one of two readers.
    private let smuggled = "GET /smuggled HTTP/1.1\r\n\r\n"

    private func refusal(of text: String) -> String {
        let wire = Wire()
        wire.send(get("/before") + text + smuggled)
        #expect(wire.step() == .lingers, "the connection ends")
        #expect(wire.asked.map(\.path) == ["/before"], "what came before is answered, and nothing else")
        let answer = wire.receive().dropFirst(okay("/before").count)
        #expect(answer.contains("Connection: close\r\n"))
        return String(answer.prefix(12))
    }

    @Test(
        "Lengths that can be read in two ways are refused",
        arguments: [
            "Content-Length: 0\r\nContent-Length: 26", "Content-Length: 26\r\ncontent-length: 0",
            "Content-Length: 0, 26",
            "Content-Length: 26, 26", "Content-Length: +26", "Content-Length: -0", "Content-Length: 0x1a",
            "Content-Length: 2 6", "Content-Length: 26;", "Content-Length: 26.0", "Content-Length: 2_6",
            "Content-Length: \"26\"",
            "Content-Length:", "Content-Length: \t ", "Content-Length: ٢٦", "Content-Length: 26\u{0B}",
            "Content-Length : 26", "Content-Length\t: 26", " Content-Length: 26", "Content-Length\0: 26",
            "Content-Length: 26\0", "Content-Length: 26\r", "Content-Length: 0\rX: y",
        ])
    func lengths(_ header: String) {
        #expect(refusal(of: "POST / HTTP/1.1\r\n\(header)\r\n\r\n") == "HTTP/1.1 400")
    }

    @Test(
        "A length beside a transfer encoding is refused, whichever comes first and whatever the encoding",
        arguments: [
            "Content-Length: 26\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 26",
            "Content-Length: 0\r\ntransfer-ENCODING: identity", "Content-Length: 5\r\nTransfer-Encoding: xchunked",
            "Content-Length: 5\r\nTransfer-Encoding:", "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked",
            " Transfer-Encoding: chunked", "X: y\r\n Transfer-Encoding: chunked", "Transfer-Encoding: chunked\u{0B}",
            "X: y\rTransfer-Encoding: chunked",
        ])
    func lengthAndEncoding(_ header: String) {
        #expect(refusal(of: "POST / HTTP/1.1\r\n\(header)\r\n\r\n0\r\n\r\n") == "HTTP/1.1 400")
    }

    @Test(
        "Bodies in chunks are not taken, however they are announced, and their chunks are no requests",
        arguments: [
            "Transfer-Encoding: chunked", "transfer-encoding:CHUNKED", "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding:",
        ], ["1.0", "1.1"])
    func chunks(_ header: String, _ version: String) {
        #expect(refusal(of: "POST / HTTP/\(version)\r\n\(header)\r\n\r\n1a\r\n") == "HTTP/1.1 411")
    }

    @Test(
        "What is no request line is refused",
        arguments: [
            "GET\r\n", "GET /\r\n", "GET / \r\n", "GET  HTTP/1.1\r\n", "GET / HTTP/1.1 x\r\n", "GET /a b HTTP/1.1\r\n",
            "GET\t/\tHTTP/1.1\r\n", "GET /\0 HTTP/1.1\r\n", "GET /\u{7F} HTTP/1.1\r\n", "GET /\r HTTP/1.1\r\n",
            "\0\r\n",
            "G\0T / HTTP/1.1\r\n", "GÉT / HTTP/1.1\r\n", "GET: / HTTP/1.1\r\n", "GET / HTTP/1.1\r\r\n",
            "GET / HTTP/1.1\0\r\n",
            "GET / HTTP/1,1\r\n", "GET / HTTP 1.1\r\n", "GET / HTTP/01.1\r\n", "GET / HTTP/1.١\r\n",
            "GET / HTTPS/1.1\r\n",
            "GET / Http/1.1\r\n", "{}\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\n",
        ])
    func requestLines(_ text: String) {
        #expect(refusal(of: text) == "HTTP/1.1 400")
    }

    @Test("Other versions of HTTP are refused by name", arguments: ["0.9", "2.0", "3.0", "9.9", "0.0"])
    func versions(_ version: String) {
        #expect(refusal(of: "GET / HTTP/\(version)\r\n\r\n") == "HTTP/1.1 505")
    }

    @Test(
        "What is no header line is refused",
        arguments: [
            "X", ": y", "X Y: z", "X: a\0b", "X: a\u{1B}[2J", "X: a\u{7F}", "X\u{E9}: y", "X(y): z", "X: y\r\n\tfolded",
            "\tX: folded", "X: y\r", "X: y\rZ: z", "\0: y",
        ])
    func headerLines(_ line: String) {
        #expect(refusal(of: "GET / HTTP/1.1\r\n\(line)\r\n\r\n") == "HTTP/1.1 400")
    }

    @Test("A body that looks like a request is a body")
    func bodies() {
        let wire = Wire()
        wire.send("POST /1 HTTP/1.1\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n" + smuggled + get("/2"))
        #expect(wire.step() == .waits)
        #expect(wire.asked.map(\.path) == ["/1", "/2"] && wire.asked[0].body == Array(smuggled.utf8))
        // A length counts for every method.
        wire.send("GET /3 HTTP/1.1\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n" + smuggled + get("/4"))
        #expect(wire.step() == .waits)
        #expect(wire.asked.map(\.path) == ["/1", "/2", "/3", "/4"])
    }

    @Test(
        "A head without end is refused with little memory, as one line, as many and as none",
        arguments: [
            ("GET /", "a"), ("GET / HTTP/1.1\r\nX: ", "y"), ("GET / HTTP/1.1\r\n", "X: y\r\n"), ("", "\r\n"),
            ("", "\n"), ("", "G"), ("GET / HTTP/1.1\r\nX: y\n", "X:\n"),
        ])
    func endlessHeads(_ start: String, _ more: String) {
        let wire = Wire()
        let piece = String(repeating: more, count: 100)
        wire.send(start)
        var (verdict, sent) = (wire.step(), start.utf8.count)
        while verdict == .waits || verdict == .yields, sent < 1 << 20 {
            wire.send(piece)
            sent += piece.utf8.count
            verdict = wire.step()
        }
        #expect(verdict == .lingers && sent < 20 << 10)
        #expect(wire.receive().hasPrefix("HTTP/1.1 431 Request Header Fields Too Large\r\n") && wire.asked.isEmpty)
    }
}
