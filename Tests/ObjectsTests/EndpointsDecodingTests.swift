import Base
import Objects
import TestSupport
import Testing

@Suite("Endpoints objects as they are written")
struct EndpointsDecodingTests {
    @Test("What an API server prints is read: ready addresses apart from the others, ports for both")
    func printed() throws {
        let endpoints = try read(
            Endpoints.self,
            """
            apiVersion: v1
            kind: Endpoints
            metadata:
              name: web
              annotations: {endpoints.kubernetes.io/last-change-trigger-time: "2026-11-23T13:41:38Z"}
            subsets:
            - addresses:
              - ip: 10.244.1.5
                nodeName: node-a
                targetRef: {kind: Pod, name: web-1, namespace: default}
              notReadyAddresses:
              - {ip: 10.244.1.6, hostname: web-2}
              ports:
              - {name: http, port: 8080, protocol: TCP}
              - {name: dns, port: 53, protocol: UDP}
            - addresses: [{ip: "fd00::5"}]
              ports: [{port: 80}]
            """)
        #expect(
            endpoints.subsets == [
                .init(
                    addresses: [.init(ip: ip("10.244.1.5"), nodeName: "node-a", podName: "web-1")],
                    notReadyAddresses: [.init(ip: ip("10.244.1.6"), hostname: "web-2")],
                    ports: [.init(name: "http", port: 8080), .init(name: "dns", transport: .udp, port: 53)]),
                .init(addresses: [.init(ip: ip("fd00::5"))], ports: [.init(port: 80)]),
            ])
    }

    @Test("A Service that nobody stands behind has no subsets", arguments: ["", "subsets: null", "subsets: []"])
    func nobody(_ subsets: String) throws {
        #expect(try read(Endpoints.self, "metadata: {name: web}\n\(subsets)").subsets.isEmpty)
    }

    @Test("Any list of a subset may be missing or null")
    func emptySubsets() throws {
        #expect(try read(Endpoints.Subset.self, "{}") == Endpoints.Subset())
        #expect(
            try read(Endpoints.Subset.self, "{addresses: null, notReadyAddresses: null, ports: null}")
                == Endpoints.Subset())
    }

    @Test(
        "A wrong value is told with its place, what was expected, and what is there",
        arguments: [
            ("{addresses: [{ip: ''}]}", "addresses[0].ip: expected an IP address, found \"\""),
            ("{addresses: [{ip: null}]}", "addresses[0].ip: expected an IP address, found nothing"),
            ("{addresses: [{ip: 10.0.0.1}, {}]}", "addresses[1].ip: expected an IP address, found nothing"),
            ("{addresses: [10.0.0.1]}", "addresses[0]: expected an object, found \"10.0.0.1\""),
            ("{addresses: {ip: 10.0.0.1}}", "addresses: expected a list, found an object"),
            ("{notReadyAddresses: [{ip: web}]}", "notReadyAddresses[0].ip: expected an IP address, found \"web\""),
            (
                "{addresses: [{ip: 10.0.0.1, nodeName: 1}]}",
                "addresses[0].nodeName: expected text, found 1 (put it in quotes)"
            ),
            ("{ports: [{}]}", "ports[0].port: expected a number from 1 to 65535, found nothing"),
            ("{ports: [{port: 0}]}", "ports[0].port: expected a number from 1 to 65535, found 0"),
            ("{ports: [{port: 80, protocol: udp}]}", "ports[0].protocol: expected TCP, UDP or SCTP, found \"udp\""),
            (
                "{ports: [{port: 80, name: a_b}]}",
                "ports[0].name: expected a name of at most 63 lower-case letters, digits and hyphens, found \"a_b\""
            ),
        ])
    func wrong(_ subset: String, _ expected: String) throws {
        #expect(try words(about: Endpoints.Subset.self, subset) == expected)
        #expect(
            try words(about: Endpoints.self, "{metadata: {name: web}, subsets: [\(subset)]}")
                == "subsets[0].\(expected)")
    }
}
