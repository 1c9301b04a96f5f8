import Balancing
import Resolution
import Testing

@Suite("Annotations")
struct ServiceOptionsTests {
    @Test("All options")
    func all() {
        let (options, problems) = ServiceOptions.parse([
            "portico.dev/balancing": "random", "portico.dev/hold-seconds": "30", "portico.dev/proxy-protocol": "v2",
            "portico.dev/udp-replies": "1", "example.com/balancing": "whatever",
        ])
        #expect(options == ServiceOptions(balancing: .random, holdSeconds: 30, proxyProtocol: .v2, udpReplies: 1))
        #expect(problems.isEmpty)
    }

    @Test("Defaults")
    func defaults() {
        #expect(
            ServiceOptions.parse([:]).options
                == ServiceOptions(balancing: nil, holdSeconds: 0, proxyProtocol: nil, udpReplies: nil))
    }

    @Test("Wrong values and names are told and leave the defaults")
    func wrong() {
        let (options, problems) = ServiceOptions.parse([
            "portico.dev/balancing": "fair", "portico.dev/hold-seconds": "3601", "portico.dev/proxy-protocol": "v3",
            "portico.dev/balancin": "random",
        ])
        #expect(options == ServiceOptions())
        #expect(
            problems == [
                "annotation portico.dev/balancin: not known; ignored",
                "annotation portico.dev/balancing: expected round-robin, least-connections or random, found \"fair\"; ignored",
                "annotation portico.dev/hold-seconds: expected a number from 0 to 3600, found \"3601\"; ignored",
                "annotation portico.dev/proxy-protocol: expected v1 or v2, found \"v3\"; ignored",
            ])
    }
}
