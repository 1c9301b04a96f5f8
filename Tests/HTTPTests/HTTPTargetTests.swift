import HTTP
import Testing

@Suite("What a request's target means") struct HTTPTargetTests {
    private func path(_ target: String) -> String? {
        let wire = Wire()
        wire.send(get(target))
        wire.step()
        return wire.asked.first?.path
    }

    @Test(
        "The path is what stands before the query",
        arguments: [
            ("/", "/"), ("/a/b", "/a/b"), ("/a?b", "/a"), ("/a?b?c", "/a"), ("/?", "/"), ("//a", "//a"),
            ("/a%20b", "/a%20b"),
            ("/../a", "/../a"), ("/a?http://x/b", "/a"), ("/http://x/b", "/http://x/b"), ("/a:b", "/a:b"),
        ])
    func paths(_ target: String, _ expected: String) {
        #expect(path(target) == expected)
    }

    @Test(
        "A client that takes the server for a proxy gets what it would get without",
        arguments: [
            ("http://10.0.0.1:10256/healthz", "/healthz"), ("http://a/", "/"), ("http://a", "/"), ("http://a?b", "/"),
            ("HTTP://a/b?c", "/b"), ("https://[fd00::1]:1/b", "/b"), ("http://a/http://b/c", "/http://b/c"),
            ("http://a//b", "//b"),
        ])
    func absoluteTargets(_ target: String, _ expected: String) {
        #expect(path(target) == expected)
    }

    @Test(
        "Targets that are no paths come as they are, and are no path of the server",
        arguments: [
            "*", "example.com:443", "healthz", "httpx://a/b", "ftp://a/healthz", "http:/a",
        ])
    func otherTargets(_ target: String) {
        #expect(path(target) == target)
    }

    @Test(
        "Any method is handed on: what it means is up to whoever answers",
        arguments: [
            "OPTIONS", "CONNECT", "PATCH", "get", "X-1", "!#$%&'*+-.^_`|~",
        ])
    func methods(_ method: String) {
        let wire = Wire()
        wire.send("\(method) / HTTP/1.1\r\n\r\n")
        #expect(wire.step() == .waits)
        #expect(wire.asked.map(\.method) == [method])
    }

    @Test("Only HEAD itself is answered without a body")
    func head() {
        let wire = Wire()
        wire.send("head / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        wire.step()
        let last = okay("/", "Connection: close\r\n").dropLast()
        #expect(wire.receive() == okay("/") + last)
    }
}
