import KubernetesAPI
import Testing

@Suite("Addresses of API servers")
struct ServerURLTests {
    @Test("An IPv6 address is in brackets, and a path stays")
    func text() {
        #expect("\(ServerURL(isSecure: true, host: "fd00::1", port: 6443))" == "https://[fd00::1]:6443")
        let base = ServerURL(isSecure: false, host: "api.example", port: 80, path: "/base")
        #expect("\(base)" == "http://api.example/base")
        #expect(base.authority == "api.example:80")
    }

    @Test(
        "What kubectl takes",
        arguments: [
            ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("HTTPS://api.example", "https://api.example"),
            ("http://api.example/", "http://api.example"),
            ("https://api.example:443/k8s/clusters/c-1/?a=b#c", "https://api.example/k8s/clusters/c-1"),
            ("https://[fd00::1]", "https://[fd00::1]"),
            ("https://[::1]:6443?x", "https://[::1]:6443"),
            ("http://api.example:/x", "http://api.example/x"),
            ("10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("localhost:8080", "https://localhost:8080"),
            ("[::1]:6443", "https://[::1]:6443"),
        ])
    func parsed(text: String, expected: String) throws {
        #expect(try "\(ServerURL(text, expectsTLS: true))" == expected)
    }

    @Test("Without a scheme it is https if there is anything to verify, and else http")
    func noScheme() throws {
        #expect(try "\(ServerURL("localhost:8080", expectsTLS: false))" == "http://localhost:8080")
        #expect(try ServerURL("api", expectsTLS: false).port == 80)
        #expect(try ServerURL("api", expectsTLS: true).port == 443)
    }

    @Test(
        "What cannot be a server is refused, above all what could become a line of a request",
        arguments: [
            "", "https://", "ftp://a", "unix:///var/run/a", "https://a:0", "https://a:65536", "https://a:b",
            "https://a b",
            "https://a/\r\nX-Evil: 1", "https://user:secret@a", "ftp://user:secret@a", "user:secret@a/b",
            "1://user:secret@a",
            "https://user:secret/@a", "https://user:1/secret@a", "https://user/secret:@a", "https://x:secret@y:z@a",
            "https://::1", "https://[::1", "https://[1.2.3.4]",
            "https://[::1]6443", "a/b", "https://b\u{FC}cher.example", "://a", "https://a%41", "https://a,b",
        ])
    func refused(_ text: String) {
        let error = #expect(throws: MalformedURL.self) { try ServerURL(text, expectsTLS: true) }
        #expect(error?.description.hasPrefix("expected ") == true)
        #expect(error?.description.contains("secret") == false)
    }
}

@Suite("Addresses of proxies")
struct ProxyURLTests {
    @Test("Each scheme has its port")
    func ports() throws {
        #expect(try ProxyURL("http://proxy").port == 80)
        #expect(try ProxyURL("https://proxy").port == 443)
        #expect(try ProxyURL("socks5://proxy").port == 1080)
        #expect(try ProxyURL("socks5h://proxy:9050") == ProxyURL(.socks5, host: "proxy", port: 9050))
        #expect(try ProxyURL("proxy:3128") == ProxyURL(.http, host: "proxy", port: 3128))
    }

    @Test("A user and a password may have any characters")
    func login() throws {
        let proxy = try ProxyURL("https://me%40home:a%3Ab%2Fc@proxy.example:8443/")
        #expect(proxy.user == "me@home")
        #expect(proxy.password == "a:b/c")
        #expect(try ProxyURL("http://me@proxy").password == nil)
        #expect(try ProxyURL("http://me:@proxy").password == "")
    }

    @Test("Other schemes are refused by name", arguments: ["ftp://proxy", "socks4://proxy:1080"])
    func refused(_ text: String) {
        let error = #expect(throws: MalformedURL.self) { try ProxyURL(text) }
        #expect(error?.description.contains("http, https or socks5") == true)
        #expect(throws: MalformedURL.self) { try ProxyURL("http://a%4:b@proxy") }
    }

    @Test(
        "A password is in no message, wherever the mistake is",
        arguments: [
            ("ftp://me:secret@proxy", "expected a proxy with http, https or socks5, found \"ftp\""),
            ("http://me:secret@proxy:x", "expected a port from 1 to 65535, found \"x\""),
            ("http://me:sec%ret@proxy", "expected two hexadecimal digits after % in the user name or password"),
            (
                "http://me:secret/@proxy",
                "expected no @ after the host; in a user name or password /, ? and # are written %2F, %3F and %23"
            ),
            ("1://me:secret@proxy", "expected a URL, found \"1://proxy\""),
            ("me:secret@proxy://x", "expected a URL, found \"proxy://x\""),
        ])
    func secret(_ text: String, message: String) {
        let error = #expect(throws: MalformedURL.self) { try ProxyURL(text) }
        #expect(error?.description == message)
    }
}
