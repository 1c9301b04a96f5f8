import Glibc
import HTTP
import Testing

@Suite("One client's connection, step by step") struct HTTPConnectionTests {
    private let close = "Connection: close\r\n"

    // MARK: Requests and answers

    @Test("Pipelined requests are answered in order, whatever their methods, and together")
    func pipelined() {
        let wire = Wire()
        wire.send(
            get("/1") + "HEAD /2 HTTP/1.1\r\n\r\n" + "POST /3 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" + get("/4"))
        #expect(wire.step() == .waits)
        // The answer to HEAD has a length and no body; the next answer begins right behind it.
        let head = String(okay("/2").dropLast(2))
        #expect(wire.receive() == okay("/1") + head + okay("/3") + okay("/4"))
        #expect(wire.asked.map(\.method) == ["GET", "HEAD", "POST", "GET"])
        #expect(wire.asked[2].body == Array("abc".utf8))
    }

    @Test("A request that comes byte by byte is answered at its last byte, and not before")
    func byteByByte() {
        let wire = Wire()
        let text = "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        for byte in text.unicodeScalars.dropLast() {
            wire.send(String(byte))
            #expect(wire.step() == .waits && wire.asked.isEmpty)
        }
        #expect(wire.receive().isEmpty)
        wire.send("i")
        #expect(wire.step() == .waits)
        #expect(wire.receive() == okay("/a"))
    }

    @Test("A step without anything new says nothing and waits")
    func nothingNew() {
        let wire = Wire()
        for _ in 0..<3 { #expect(wire.step() == .waits) }
        #expect(wire.receive().isEmpty && !wire.hasEnded)
    }

    @Test("Who sends very many requests at once lets others have their turn, and gets all answers")
    func manyAtOnce() {
        let wire = Wire()
        let paths = (0..<300).map { "/\($0)" }
        #expect(wire.send(paths.map { get($0) }.joined()))
        #expect(wire.step() == .yields)
        #expect(wire.asked.count < paths.count)
        var turns = 0
        while wire.step() == .yields, turns < paths.count { turns += 1 }
        #expect(wire.receive() == paths.map { okay($0) }.joined())
    }

    @Test("Headers of the server's own are part of every answer, of refusals too")
    func serverHeaders() {
        let wire = Wire(headers: [HTTPHeader("X-Pod", "a")])
        wire.send(get("/1") + "nonsense\r\n")
        wire.step()
        let text = wire.receive()
        #expect(text.hasPrefix(okay("/1", "X-Pod: a\r\n")))
        #expect(text.dropFirst(okay("/1", "X-Pod: a\r\n").count).contains("X-Pod: a\r\n"))
    }

    @Test("A client that asks whether to send its body is told so after the earlier answers, once")
    func expectation() {
        let wire = Wire()
        wire.send(get("/1") + "POST /2 HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
        #expect(wire.step() == .waits)
        #expect(wire.receive() == okay("/1") + "HTTP/1.1 100 Continue\r\n\r\n")
        wire.send("h")
        #expect(wire.step() == .waits && wire.receive().isEmpty)
        wire.send("i")
        wire.step()
        #expect(wire.receive() == okay("/2"))
    }

    @Test("A body that is too large is refused before it is sent, and nobody is asked to go on")
    func expectationOfTooMuch() {
        let wire = Wire(largestBody: 10)
        wire.send("POST / HTTP/1.1\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
        #expect(wire.step() == .lingers)
        #expect(wire.receive().hasPrefix("HTTP/1.1 413 Content Too Large\r\n") && wire.asked.isEmpty)
    }

    @Test("A body of the largest size is taken", arguments: [0, 1, 10])
    func largestBody(_ size: Int) {
        let wire = Wire(largestBody: 10)
        wire.send("POST / HTTP/1.1\r\nContent-Length: \(size)\r\n\r\n" + String(repeating: "x", count: size))
        #expect(wire.step() == .waits && wire.asked.first?.body.count == size)
    }

    // MARK: The end

    @Test("After the last answer nothing more is answered; what comes is thrown away until the client ends")
    func lastAnswer() {
        let wire = Wire()
        wire.send(get("/1", close) + get("/2"))
        #expect(wire.step() == .lingers)
        #expect(wire.receive() == okay("/1", close) && wire.hasEnded)
        wire.send(get("/3"))
        #expect(wire.step() == .lingers)
        wire.endSending()
        #expect(wire.step() == .finished)
        #expect(wire.asked.map(\.path) == ["/1"])
    }

    @Test("An answer can end the connection, though the client would stay")
    func answerThatEnds() {
        let wire = Wire()
        wire.send(get("/1") + get("/2"))
        let verdict = wire.step {
            var answer = HTTPAnswer(.serviceUnavailable, $0.path.utf8)
            answer.closes = true
            return answer
        }
        #expect(verdict == .lingers && wire.asked.count == 1)
        #expect(wire.receive().contains("503 Service Unavailable\r\n") && wire.hasEnded)
    }

    @Test("HTTP/1.0 ends after one answer, unless the client wants to stay and is told that it may")
    func http10() {
        let wire = Wire()
        wire.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3 HTTP/1.0\r\n\r\n")
        #expect(wire.step() == .lingers)
        #expect(wire.receive() == okay("/1", "Connection: keep-alive\r\n") + okay("/2", close) && wire.hasEnded)
    }

    @Test("A client that ends its direction gets the answers to what it has asked")
    func halfClose() {
        let wire = Wire()
        wire.send(get("/1") + get("/2"))
        wire.endSending()
        #expect(wire.step() == .finished)
        #expect(wire.receive() == okay("/1") + okay("/2"))
    }

    @Test("A client that ends without having asked gets nothing", arguments: ["", "\r\n"])
    func endWithoutRequest(_ text: String) {
        let wire = Wire()
        if !text.isEmpty { wire.send(text) }
        wire.endSending()
        #expect(wire.step() == .finished)
        #expect(wire.receive().isEmpty && wire.asked.isEmpty)
    }

    @Test(
        "A request that is cut off is refused and never answered, whatever was missing",
        arguments: [
            "GET / HT", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na",
        ])
    func cutOff(_ text: String) {
        let wire = Wire()
        wire.send(get("/1") + text)
        wire.endSending()
        #expect(wire.step() == .finished)
        #expect(wire.receive().hasPrefix(okay("/1") + "HTTP/1.1 400 Bad Request\r\n"))
        #expect(wire.asked.map(\.path) == ["/1"])
    }

    // MARK: Clients that do not read

    @Test("Who does not read is not read from for ever, and gets every answer in the end")
    func doesNotRead() {
        let wire = Wire(buffer: 8 << 10)
        let body = String(repeating: "x", count: 10_000)
        var sent = 0
        // The kernel takes no more once nobody reads: the requests wait there, and the answers do not pile up here.
        for _ in 0..<5_000 {
            if wire.send(get("/")) { sent += 1 }
            wire.step { _ in HTTPAnswer(.ok, body.utf8) }
        }
        #expect(sent < 5_000 && wire.asked.count < 100)
        var received = 0
        for _ in 0..<100_000 where received < sent * okay(body).utf8.count {
            received += wire.receive().utf8.count
            wire.step { _ in HTTPAnswer(.ok, body.utf8) }
        }
        #expect(received == sent * okay(body).utf8.count && wire.asked.count == sent)
    }

    @Test("A large last answer waits for its reader, and the end comes behind it")
    func largeLastAnswer() {
        let wire = Wire()
        let body = String(repeating: "x", count: 4 << 20)
        wire.send(get("/", close))
        var (text, verdict) = ("", wire.step { _ in HTTPAnswer(.ok, body.utf8) })
        #expect(verdict == .waits, "more than the kernel takes")
        for _ in 0..<10_000 where verdict == .waits {
            text += wire.receive()
            verdict = wire.step()
        }
        text += wire.receive()
        #expect(verdict == .lingers && text == okay(body, close) && wire.hasEnded)
    }

    @Test("A client that is gone in the middle of its answer is let go of")
    func vanishes() {
        let wire = Wire()
        wire.send(get("/") + get("/"))
        #expect(wire.step { _ in HTTPAnswer(.ok, String(repeating: "x", count: 4 << 20).utf8) } == .waits)
        wire.hangUp()
        #expect(wire.step() == .finished)
    }
}
