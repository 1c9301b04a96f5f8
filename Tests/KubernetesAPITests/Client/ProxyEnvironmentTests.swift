import Testing

@testable import KubernetesAPI

@Suite("The variables for proxies")
struct ProxyEnvironmentTests {
    private func proxy(_ host: String, secure: Bool = true, _ variables: [String: String]) throws -> String? {
        try ProxyEnvironment(variables).proxy(for: ServerURL(isSecure: secure, host: host, port: 6443))?.host
    }

    @Test("Each scheme has a variable, in capital letters or else in small ones")
    func schemes() throws {
        let both = ["HTTPS_PROXY": "http://one:1", "http_proxy": "two:2"]
        #expect(try proxy("api", both) == "one")
        #expect(try proxy("api", secure: false, both) == "two")
        #expect(try proxy("api", ["HTTPS_PROXY": "one:1", "https_proxy": "two:2"]) == "one")
        #expect(try proxy("api", ["HTTP_PROXY": "one:1"]) == nil)
        #expect(try proxy("api", ["HTTPS_PROXY": ""]) == nil)
    }

    @Test("This machine is never asked for by a proxy", arguments: ["localhost", "127.0.0.1", "127.64.0.9", "::1"])
    func loopback(host: String) throws {
        #expect(try proxy(host, ["HTTPS_PROXY": "one:1"]) == nil)
    }

    @Test(
        "NO_PROXY excepts names, domains, addresses and ranges, some with a port",
        arguments: [
            ("api.example.com", "example.com"), ("api.example.com", "other, api.example.com"),
            ("api.example.com", ".example.com"), ("api.example.com", "*.example.com"),
            ("API.Example.com", "example.COM"),
            ("api.example.com", "example.com:6443"), ("api", "*"), ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3:6443"), ("fd00::1", "fd00::/64"),
            ("fd00::1", "fd00:0::1"), ("fd00::1", "[fd00::1]:6443"), ("fd00::1", "[fd00::1]"),
        ])
    func excepted(host: String, entry: String) throws {
        #expect(try proxy(host, ["HTTPS_PROXY": "one:1", "no_proxy": entry]) == nil)
        #expect(try proxy(host, ["HTTPS_PROXY": "one:1"]) == "one")
    }

    @Test(
        "NO_PROXY excepts nothing else",
        arguments: [
            ("api.example.com", "ample.com"), ("example.com", ".example.com"), ("api.example.com", "example.com:443"),
            ("api.example.com", "10.0.0.0/8"), ("11.1.2.3", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3:443"),
            ("110.1.2.3", "10.1.2.3"), ("api.example.com", ", ,"), ("fd01::1", "fd00::/64"),
        ])
    func others(host: String, entry: String) throws {
        #expect(try proxy(host, ["HTTPS_PROXY": "one:1", "NO_PROXY": entry]) == "one")
    }

    @Test("A variable that names no proxy is said to be wrong")
    func malformed() {
        #expect(throws: APIError.self) { try proxy("api", ["HTTPS_PROXY": "ftp://one"]) }
    }
}
