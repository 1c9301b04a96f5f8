import HTTP
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
        #expect(
            Self.answer("get", "/").answer.headers == [HTTPHeader("Allow", "GET, HEAD, POST")],
            "methods are case-sensitive")
    }

    @Test func aNameCannotAddHeaders() {
        #expect(PodBehaviour.headers(podName: "a\r\nX-Evil: 1 b") == [HTTPHeader("X-Pod", "aX-Evil:1b")])
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
}
