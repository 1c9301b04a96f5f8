import Testing

@testable import DemoPods

@Suite struct PodBehaviourTests {
    @Test func saysWhoAsks() {
        #expect(Self.answer("GET", "/client").answer.body == Array("10.0.0.9:999\n".utf8))
    }

    @Test(arguments: ["GET", "HEAD"], ["/", "/down", "/echo", "/any/where"])
    func saysItsName(_ method: String, _ path: String) {
        let (answer, goesDown) = Self.answer(method, path)
        #expect(answer.status == .ok && answer.body == Array("nginx1\n".utf8))
        #expect(answer.leavesBodyOut == (method == "HEAD"))
        #expect(!answer.closes && !goesDown)
    }

    @Test func goesDownOnlyWhenPosted() {
        let (answer, goesDown) = Self.answer("POST", "/down")
        #expect(goesDown && answer.closes)
        #expect(answer.body == Array("nginx1 goes down\n".utf8))
    }

    @Test func returnsTheBody() {
        let (answer, _) = Self.answer("POST", "/echo", body: [0, 1, 255])
        #expect(answer.status == .ok && answer.body == [0, 1, 255])
    }

    @Test func knowsNothingElse() {
        #expect(Self.answer("POST", "/").answer.status == .notFound)
        #expect(Self.answer("DELETE", "/").answer.status == .methodNotAllowed)
        #expect(Self.answer("get", "/").answer.allowed == "GET, HEAD, POST", "methods are case-sensitive")
    }

    @Test func tellsClientsOfHTTP10WhetherTheConnectionStays() {
        var request = HTTPRequest(method: "GET", path: "/", isPersistentByDefault: false)
        #expect(
            Self.head(of: PodBehaviour.answer(request, podName: "a", client: "10.0.0.9:999").answer).contains(
                "Connection: close\r\n"))
        request.wantsToPersist = true
        #expect(
            Self.head(of: PodBehaviour.answer(request, podName: "a", client: "10.0.0.9:999").answer).contains(
                "Connection: keep-alive\r\n"))
    }

    @Test func answerOnTheWire() {
        let text = String(decoding: HTTPAnswer(.ok, "nginx1\n".utf8).serialized(podName: "nginx1"), as: UTF8.self)
        #expect(
            text
                == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\nX-Pod: nginx1\r\n\r\nnginx1\n")
    }

    @Test func lengthIsToldThoughTheBodyIsLeftOut() {
        var answer = HTTPAnswer(.ok, "nginx1\n".utf8)
        answer.leavesBodyOut = true
        let text = Self.head(of: answer)
        #expect(text.contains("Content-Length: 7\r\n") && text.hasSuffix("\r\n\r\n"))
    }

    @Test func refusalsCloseAndMethodsAreListed() {
        #expect(Self.head(of: .refusal(.badRequest)).hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(Self.head(of: .refusal(.badRequest)).contains("Connection: close\r\n"))
        #expect(Self.head(of: Self.answer("PUT", "/").answer).contains("Allow: GET, HEAD, POST\r\n"))
    }

    @Test func aNameCannotAddHeaders() {
        let text = Self.head(of: HTTPAnswer(.ok, []), podName: "a\r\nX-Evil: 1 b")
        #expect(text.contains("X-Pod: aX-Evil:1b\r\n"))
    }

    @Test func answersDatagramsWithNameAndDatagram() {
        let answer = Array("hello".utf8).withUnsafeBytes { PodBehaviour.answer(datagram: $0, podName: "dns1") }
        #expect(answer == Array("dns1: hello".utf8))
    }

    private static func answer(
        _ method: String, _ path: String, body: [UInt8] = []
    ) -> (answer: HTTPAnswer, goesDown: Bool) {
        let request = HTTPRequest(method: method, path: path, body: body, isPersistentByDefault: true)
        return PodBehaviour.answer(request, podName: "nginx1", client: "10.0.0.9:999")
    }

    private static func head(of answer: HTTPAnswer, podName: String = "nginx1") -> String {
        String(decoding: answer.serialized(podName: podName), as: UTF8.self)
    }
}
