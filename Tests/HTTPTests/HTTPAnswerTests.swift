import Testing

@testable import HTTP

@Suite struct HTTPAnswerTests {
    @Test func answerOnTheWire() {
        let answer = HTTPAnswer(.ok, "nginx1\n".utf8)
        #expect(
            Self.text(answer, adding: [HTTPHeader("X-Pod", "nginx1")])
                == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\nX-Pod: nginx1\r\n\r\nnginx1\n")
    }

    @Test func tellsClientsOfHTTP10WhetherTheConnectionStays() {
        var request = HTTPRequest(method: "GET", path: "/", isPersistentByDefault: false)
        let answer = HTTPAnswer(.ok, [])
        #expect(Self.text(answer.following(request)).contains("Connection: close\r\n"))
        request.wantsToPersist = true
        #expect(Self.text(answer.following(request)).contains("Connection: keep-alive\r\n"))
        request.isPersistentByDefault = true
        #expect(!Self.text(answer.following(request)).contains("Connection:"))
    }

    @Test func lengthIsToldThoughTheBodyIsLeftOut() {
        let request = HTTPRequest(method: "HEAD", path: "/", isPersistentByDefault: true)
        let text = Self.text(HTTPAnswer(.ok, "nginx1\n".utf8).following(request))
        #expect(text.contains("Content-Length: 7\r\n") && text.hasSuffix("\r\n\r\n"))
    }

    @Test func refusalsCloseTheConnection() {
        let text = Self.text(.refusal(.badRequest))
        #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && text.contains("Connection: close\r\n"))
    }

    @Test func aValueCannotAddHeaders() {
        let text = Self.text(HTTPAnswer(.ok, []), adding: [HTTPHeader("X-Pod", "a\r\nX-Evil: 1")])
        #expect(text.contains("X-Pod: aX-Evil: 1\r\n"))
    }

    private static func text(_ answer: HTTPAnswer, adding headers: [HTTPHeader] = []) -> String {
        String(decoding: answer.serialized(adding: headers), as: UTF8.self)
    }
}
