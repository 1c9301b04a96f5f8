import Testing

@testable import APIProxy

@Suite("The filter of requests")
struct RequestFilterTests {
    private func refusal(
        _ target: String = "/api", method: String = "GET", host: String? = "localhost:8001", origin: String? = nil,
        isUpgrade: Bool = false, _ filter: RequestFilter = RequestFilter()
    ) throws -> RequestFilter.Refusal? {
        filter.refusal(
            method: method, path: try #require(RequestPath(target: target)), host: host, origin: origin,
            isUpgrade: isUpgrade)
    }

    @Test(
        "Hosts of this machine, and no others",
        arguments: [
            ("localhost", true), ("localhost:8001", true), ("127.0.0.1", true), ("127.0.0.1:1", true), ("[::1]", true),
            ("[::1]:8001", true), ("LOCALHOST", false), ("evil.example", false), ("evil.example:8001", false),
            ("127.0.0.1.evil", false), ("localhost.evil:8001", false), ("[::1].evil", false), ("[::2]", false),
            ("", false),
            ("127.0.0.1:8001:9", false), ("evil#localhost", false), ("localhost\tx", false), ("user@localhost", false),
            (" localhost ", true),
        ])
    func hosts(host: String, isAccepted: Bool) throws {
        #expect(try refusal(host: host) == (isAccepted ? nil : .host))
    }

    @Test("A request without host is nobody's")
    func noHost() throws { #expect(try refusal(host: nil) == .host) }

    @Test("A list of hosts may have IPv6 addresses with brackets, and as kubectl's users write them")
    func plainIPv6() throws {
        #expect(try refusal(host: "[fd00::1]:80", RequestFilter(acceptedHosts: PatternList("^fd00::1$"))) == nil)
        #expect(try refusal(host: "[fd00::1]:80", RequestFilter(acceptedHosts: PatternList(#"^\[fd00::1\]$"#))) == nil)
    }

    @Test(
        "Exec and attach, however they are written",
        arguments: [
            ("/api/v1/namespaces/d/pods/x/exec", false), ("/api/v1/namespaces/d/pods/x/attach?a=b", false),
            ("/api/v1/namespaces/d/pods/x/%65xec", false), ("/api/v1/namespaces/d/pods/x%2Fexec", false),
            ("/x/%2e%2e/api/v1/namespaces/d/pods/x/exec", false), ("/api/v1/namespaces/d/pods/x/portforward", true),
            ("/api/v1/namespaces/d/pods/x", true), ("/a/../x", true),
        ])
    func paths(target: String, isAccepted: Bool) throws {
        #expect(try refusal(target) == (isAccepted ? nil : .path))
    }

    @Test("Rejected wins over accepted; methods are searched for, not compared")
    func order() throws {
        let paths = RequestFilter(acceptedPaths: try PatternList("^/a"), rejectedPaths: try PatternList("^/a/b"))
        #expect(try refusal("/a/c", paths) == nil)
        #expect(try refusal("/a/b", paths) == .path)
        #expect(try refusal("/c", paths) == .path)
        #expect(try refusal("/a/%2e%2e/c", paths) == .path)
        let methods = RequestFilter(rejectedMethods: try PatternList("POST,^PUT$"))
        #expect(try refusal(method: "POST", methods) == .method)
        #expect(try refusal(method: "XPOSTX", methods) == .method)
        #expect(try refusal(method: "PUTS", methods) == nil)
    }

    @Test(
        "Pages of others may read what the browser lets them, and do nothing",
        arguments: [
            ("http://evil.example", "GET", false, true), ("http://evil.example", "POST", false, false),
            ("http://evil.example", "DELETE", false, false), ("http://evil.example", "GET", true, false),
            ("null", "POST", false, false), ("file://", "POST", false, false),
            ("http://localhost:3000", "POST", false, true),
            ("http://[::1]:3000", "PUT", false, true), ("https://127.0.0.1", "GET", true, true),
            ("http://localhost.evil", "POST", false, false), ("http://localhost@evil.example", "POST", false, false),
            ("", "POST", false, false), ("http://evil.example", "OPTIONS", false, false),
        ])
    func origins(origin: String, method: String, isUpgrade: Bool, isAccepted: Bool) throws {
        let refusal = try refusal(method: method, origin: origin, isUpgrade: isUpgrade)
        #expect(refusal == (isAccepted ? nil : .origin))
    }
}

@Suite("Paths")
struct RequestPathTests {
    @Test(
        "Cleaned as by Go's mux",
        arguments: [
            ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("//", "/"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"),
            ("/a/../b", "/b"), ("/../../a", "/a"), ("/a/..", "/"), ("/a/b/../", "/a/"), ("/a/.", "/a"),
            ("/..a/b..", "/..a/b.."),
            ("/%2e%2e/a", "/%2e%2e/a"),
        ])
    func cleaned(target: String, cleaned: String) throws {
        #expect(try #require(RequestPath(target: target)).cleaned == cleaned)
    }

    @Test("What it came as goes on; only what may not stand there is encoded")
    func asItCame() throws {
        let path = try #require(RequestPath(target: "/a%20b/%2Fc?x=%zz&y=[1]|é"))
        #expect(path.encoded == "/a%20b/%2Fc")
        #expect(path.decoded == "/a b//c")
        #expect(path.query == "?x=%zz&y=%5B1%5D%7C%C3%A9")
        #expect(try #require(RequestPath(target: "/a?")).target == "/a?")
    }

    @Test("No path", arguments: ["", "*", "a", "/a b", "/a#b", "/%", "/%2", "/%zz", "/a\u{1}", "/a\r\nX: y"])
    func none(target: String) { #expect(RequestPath(target: target) == nil) }

    @Test("An absolute URL counts by its path")
    func absolute() throws {
        #expect(RequestPath(target: "http://evil.example/api?x")?.target == "/api?x")
        #expect(RequestPath(target: "http://evil.example?x")?.target == "/?x")
        #expect(RequestPath(target: "http://evil.example")?.target == "/")
    }

    @Test("Places by prefix")
    func places() throws {
        func place(_ target: String, _ placement: Placement) throws -> Placement.Place {
            placement.place(of: try #require(RequestPath(target: target)))
        }
        let plain = Placement(apiPrefix: "/", filePrefix: "/static/")
        #expect(try place("/api/v1", plain) == .api("/api/v1"))
        #expect(try place("/static/a%20b", plain) == .file("/a b"))
        #expect(try place("/static", plain) == .slash)
        #expect(try place("/staticx", plain) == .api("/staticx"))
        let custom = Placement(apiPrefix: "/custom")
        #expect(try place("/custom/api", custom) == .api("/api"))
        #expect(try place("/custom/", custom) == .api("/"))
        #expect(try place("/custom", custom) == .slash)
        #expect(try place("/api", custom) == .nowhere)
        #expect(try place("/customer/api", custom) == .nowhere)
        let api = Placement(apiPrefix: "/api/")
        #expect(try place("/api/v1", api) == .api("/api/v1"))
        #expect(try place("/version", api) == .nowhere)
        let both = Placement(apiPrefix: "/k8s", filePrefix: "")
        #expect(try place("/x", both) == .file("/x"))
        #expect(try place("/k8s/x", both) == .api("/x"))
    }
}
