import Testing

@testable import APIProxy

@Suite("Paths of Services")
struct ServiceTargetTests {
    private func target(_ target: String, prefix: String = "") throws -> ServiceTarget? {
        ServiceTarget(try #require(RequestPath(target: target)), namespace: "home", prefix: prefix)
    }

    @Test("The API's form, and ours that is shorter")
    func forms() throws {
        let long = try #require(
            try target("/api/v1/namespaces/shop/services/http:web:80/proxy/a%20b/?c=d", prefix: "/k8s"))
        #expect(long.namespace == "shop" && long.id == "http:web:80")
        #expect(long.prefix == "/k8s/api/v1/namespaces/shop/services/http:web:80/proxy")
        #expect(long.rest == "/a%20b/" && long.query == "?c=d")
        #expect(long.reference == .init(service: "web", port: .number(80), isSecure: false))
        let short = try #require(try target("/services/web/proxy"))
        #expect(short.namespace == "home" && short.prefix == "/services/web/proxy" && short.rest.isEmpty)
        let middle = try #require(try target("/services/shop/https:web:tls/proxy/"))
        #expect(middle.namespace == "shop" && middle.rest == "/")
        #expect(middle.reference == .init(service: "web", port: .name("tls"), isSecure: true))
    }

    @Test(
        "No Service is meant",
        arguments: [
            "/api/v1/namespaces/d/services/web", "/api/v1/namespaces/d/services/web/proxyx/", "/services",
            "/api/v1/namespaces/d/pods/web/proxy/", "/apis/v1/namespaces/d/services/web/proxy/",
            "/services/web/x/y/proxy",
            "/api/v1/services/web/proxy/",
        ])
    func others(path: String) throws { #expect(try target(path) == nil) }

    @Test("Ids", arguments: ["a:b:c:d", "ftp:web:80", "", ":80", "http::80"])
    func malformed(id: String) throws {
        #expect(try #require(try target("/api/v1/namespaces/d/services/\(id)/proxy/")).reference == nil)
    }

    @Test(
        "A port that is empty is none; one that is too large is a name",
        arguments: ["web:", "http:web:", ":web:", "web"])
    func noPort(id: String) throws {
        let reference = try #require(try target("/services/\(id)/proxy/")?.reference)
        #expect(reference == .init(service: "web", port: nil, isSecure: false))
    }

    @Test(
        "Redirects",
        arguments: [
            ("/login", "/p/login"), ("/", "/p/"), ("/a/?b=/c#d", "/p/a/?b=/c#d"), ("login", "login"), ("?a", "?a"),
            ("", ""),
            ("http://10.0.0.1:80/login", "/p/login"), ("https://10.0.0.1:80", "/p/"),
            ("http://localhost:8001/x", "/p/x"),
            ("//10.0.0.1:80/x", "/p/x"), ("http://LOCALHOST:8001/x", "/p/x"),
            ("http://example.com/x", "http://example.com/x"),
            ("//example.com/x", "//example.com/x"), ("/p/x", "/p/x"), ("/p", "/p"), ("/px", "/p/px"),
            ("/login?next=http://example.com/", "/p/login?next=http://example.com/"), ("mailto:a@b", "mailto:a@b"),
        ])
    func redirects(location: String, rewritten: String) {
        let rule = ServiceLocation(prefix: "/p", hosts: ["10.0.0.1:80", "localhost:8001"])
        #expect(rule.rewritten(location) == rewritten)
    }
}
