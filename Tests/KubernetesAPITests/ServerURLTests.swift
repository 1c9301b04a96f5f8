import KubernetesAPI
import Testing

@Suite("Addresses of API servers")
struct ServerURLTests {
    @Test("An IPv6 address is in brackets, and a path stays")
    func text() {
        #expect("\(ServerURL(isSecure: true, host: "fd00::1", port: 6443))" == "https://[fd00::1]:6443")
        let base = ServerURL(isSecure: false, host: "api.example", port: 80, path: "/base")
        #expect("\(base)" == "http://api.example:80/base")
        #expect(base.authority == "api.example:80")
    }
}
