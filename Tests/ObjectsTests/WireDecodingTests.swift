import Base
import Foundation
import Objects
import TestSupport
import Testing

/// Decoding as an API source does it; the same types from YAML are tested with the manifests.
@Suite("Wire objects")
struct WireDecodingTests {
    private func decode<T: Decodable>(_ type: T.Type, _ json: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }

    /// `path: words` of the error that decoding gives.
    private func failure<T: Decodable>(_ type: T.Type, _ json: String) -> String {
        do {
            _ = try decode(type, json)
            return "decoded"
        } catch let error as DecodingError {
            let path = error.path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
            return "\(path): \(error.expectation)"
        } catch {
            return "\(error)"
        }
    }

    private func service(_ spec: String) -> String { #"{"metadata": {"name": "web"}, "spec": \#(spec)}"# }

    @Test("A minimal service has the defaults of an API server")
    func defaults() throws {
        let web = try decode(Service.self, service(#"{"ports": [{"port": 80}], "unknown": {"x": [1]}}"#))
        #expect(
            web == Service(metadata: ObjectMeta(name: "web"), spec: ServiceSpec(ports: [ServicePortSpec(port: 80)])))
        #expect(web.metadata.namespace == "default")
        #expect(web.spec.affinityTimeout == 10_800)
    }

    @Test("Names are what an API server lets through")
    func names() {
        func named(_ name: String, _ namespace: String = "default", port: String = "http") -> String {
            failure(
                Service.self,
                #"{"metadata": {"name": "\#(name)", "namespace": "\#(namespace)"}, "spec": {"ports": [{"name": "\#(port)", "port": 80}]}}"#
            )
        }
        let label = "expected a name of at most 63 lower-case letters, digits and hyphens, found"
        let long = String(repeating: "a", count: 63)
        for good in ["web", "w", "0", "my-web-2", long] { #expect(named(good, good, port: good) == "decoded") }
        for bad in ["Web", "-web", "web-", "web_1", "web.api", "wéb", "w b", long + "a"] {
            #expect(named(bad).hasPrefix("metadata.name: expected a name"), "\(bad)")
            #expect(named("web", bad) == "metadata.namespace: \(label) \"\(bad)\"")
            #expect(named("web", port: bad) == "spec.ports.0.name: \(label) \"\(bad)\"")
        }
        // As JSON has it; a rule or a log line would end there.
        #expect(named("web", port: "a\\nb").hasPrefix("spec.ports.0.name: \(label)"))
        #expect(named("web", port: "\\u001b[2J").hasPrefix("spec.ports.0.name: \(label)"))
        // Other objects may have points in theirs.
        #expect(failure(Node.self, #"{"metadata": {"name": "node-1.example.org"}}"#) == "decoded")
        for bad in ["a..b", ".a", "a.", "A.b", String(repeating: "a.", count: 127) + "ab"] {
            #expect(
                failure(Node.self, #"{"metadata": {"name": "\#(bad)"}}"#).hasPrefix(
                    "metadata.name: expected a name of at most 253"))
        }
    }

    @Test("All fields, null for absent, and zero for unassigned node ports")
    func complete() throws {
        let spec = """
            {"type": "LoadBalancer", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"],
             "ipFamilies": ["IPv4", "IPv6"], "externalIPs": null, "selector": {"app": "web"},
             "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}},
             "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Cluster", "healthCheckNodePort": 32000,
             "ports": [{"name": "a", "port": 80, "protocol": "TCP", "targetPort": "web", "nodePort": 0},
                       {"name": "b", "port": 80, "protocol": "UDP", "targetPort": 0, "nodePort": 30000}]}
            """
        let web = try decode(Service.self, service(spec)).spec
        #expect(web.type == .loadBalancer)
        #expect(web.clusterIPs.compactMap(\.address).map(\.description) == ["10.96.0.1", "fd00::1"])
        #expect(web.affinityTimeout == 5 && web.clientIPAffinity)
        #expect(web.externalTrafficPolicy == .local)
        #expect(web.ports[0] == ServicePortSpec(name: "a", port: 80, targetPort: .name("web")))
        #expect(web.ports[1] == ServicePortSpec(name: "b", transport: .udp, port: 80, nodePort: 30000))
    }

    @Test("Empty cluster IP is unassigned, None is headless")
    func clusterIP() throws {
        #expect(try decode(Service.self, service(#"{"clusterIP": ""}"#)).spec.clusterIPs.isEmpty)
        #expect(try decode(Service.self, service(#"{"clusterIP": "None"}"#)).spec.isHeadless)
    }

    @Test(
        "Wrong services say what was expected",
        arguments: [
            (#"{"ports": [{"port": 0}]}"#, "spec.ports.0.port: expected a number from 1 to 65535, found 0"),
            (#"{"ports": [{"port": 65536}]}"#, "spec.ports.0.port: expected a number from 1 to 65535, found 65536"),
            (#"{"ports": [{"port": "80"}]}"#, "spec.ports.0.port: expected a number from 1 to 65535, found \"80\""),
            (#"{"ports": [{"port": 80.5}]}"#, "spec.ports.0.port: expected a number from 1 to 65535, found 80.5"),
            (#"{"ports": [{"port": [1]}]}"#, "spec.ports.0.port: expected a number from 1 to 65535, found a list"),
            (#"{"ports": [{"name": "x"}]}"#, "spec.ports.0.port: expected a number from 1 to 65535, found nothing"),
            (#"{"ports": [{"port": 1, "name": 5}]}"#, "spec.ports.0.name: expected text, found 5"),
            (
                #"{"ports": [{"port": 1, "protocol": "HTTP"}]}"#,
                "spec.ports.0.protocol: expected TCP, UDP or SCTP, found \"HTTP\""
            ),
            (
                #"{"ports": [{"port": 1, "targetPort": "8080"}]}"#,
                "spec.ports.0.targetPort: expected a number from 1 to 65535 or the name of a container port, found \"8080\""
            ),
            (
                #"{"ports": [{"port": 1, "targetPort": 70000}]}"#,
                "spec.ports.0.targetPort: expected a number from 1 to 65535 or the name of a container port, found 70000"
            ),
            (
                #"{"ports": [{"port": 1}, {"port": 2, "name": "b"}]}"#,
                "spec.ports.0.name: expected a name, since the Service has 2 ports, found nothing"
            ),
            (
                #"{"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]}"#,
                "spec.ports.1.name: expected a name that no other port has, found \"a\""
            ),
            (
                #"{"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]}"#,
                "spec.ports.1.port: expected each port once per protocol, found 1 again"
            ),
            (#"{"clusterIP": "10.0.0"}"#, "spec.clusterIP: expected an IP address or None, found \"10.0.0\""),
            (
                #"{"type": "Cluster"}"#,
                "spec.type: expected ClusterIP, NodePort, LoadBalancer or ExternalName, found \"Cluster\""
            ),
            (
                #"{"externalTrafficPolicy": "local"}"#,
                "spec.externalTrafficPolicy: expected Cluster or Local, found \"local\""
            ),
            (
                #"{"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 90000}}}"#,
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: expected a number from 1 to 86400, found 90000"
            ),
            (
                #"{"publishNotReadyAddresses": "yes"}"#,
                "spec.publishNotReadyAddresses: expected true or false, found \"yes\""
            ),
            (#"{"selector": {"app": 1}}"#, "spec.selector.app: expected text"),
            (#"{"ports": {}}"#, "spec.ports: expected a list"),
            ("5", "spec: expected an object"),
        ])
    func wrongServices(_ spec: String, _ message: String) {
        #expect(failure(Service.self, service(spec)) == message)
    }

    @Test("A missing name and a missing spec")
    func missing() {
        #expect(
            failure(Service.self, #"{"metadata": {}, "spec": {}}"#) == "metadata.name: expected text, found nothing")
        #expect(failure(Service.self, #"{"metadata": {"name": "web"}}"#) == ": expected a field spec")
    }

    @Test("Slices: null lists, absent conditions, families")
    func slices() throws {
        let empty = try decode(
            EndpointSlice.self,
            #"{"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": null, "ports": null}"#)
        #expect(empty.endpoints.isEmpty && empty.ports.isEmpty)
        let names = try decode(
            EndpointSlice.self,
            #"{"metadata": {"name": "s"}, "addressType": "FQDN", "endpoints": [{"addresses": ["a.example.com"]}]}"#)
        #expect(names.endpoints.isEmpty)
        func slice(_ address: String) -> String {
            #"{"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [{"addresses": ["\#(address)"]}]}"#
        }
        #expect(
            failure(EndpointSlice.self, slice("fd00::1"))
                == "endpoints.0.addresses.0: expected an IPv4 address, found \"fd00::1\"")
        #expect(
            failure(EndpointSlice.self, slice("web-1"))
                == "endpoints.0.addresses.0: expected an IP address, found \"web-1\"")
        #expect(
            failure(EndpointSlice.self, #"{"metadata": {"name": "s"}}"#)
                == "addressType: expected IPv4, IPv6 or FQDN, found nothing")
    }

    @Test("What kubectl leaves in annotations is not kept")
    func lastApplied() throws {
        let json = #"""
            {"metadata": {"name": "web", "annotations":
              {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}}, "spec": {}}
            """#
        #expect(try decode(Service.self, json).metadata.annotations == ["a": "b"])
    }

    @Test("Objects survive encoding and decoding")
    func roundTrip() throws {
        func check<T: Codable & Equatable>(_ value: T) throws {
            let data = try JSONEncoder().encode(value)
            #expect(try JSONDecoder().decode(T.self, from: data) == value)
        }
        try check(
            TestSupport.service(
                ports: [
                    ServicePortSpec(name: "a", port: 1, targetPort: .name("x"), nodePort: 30000),
                    ServicePortSpec(name: "b", transport: .udp, port: 1, targetPort: .number(2)),
                ], clusterIPs: ["10.0.0.1", "fd00::1"], status: [.init(ip: "192.0.2.1", ipMode: "VIP")]
            ) {
                $0.ipFamilies = [.ipv4, .ipv6]
                $0.clientIPAffinity = true
                $0.affinityTimeout = 7
                $0.externalIPs = ["198.51.100.1"]
                $0.publishNotReadyAddresses = true
            })
        try check(TestSupport.slice([endpoint("10.0.0.1", node: "here", zones: ["a"], nodes: ["here"])]))
        try check(
            Endpoints(
                metadata: ObjectMeta(name: "web"),
                subsets: [.init(addresses: [.init(ip: ip("10.0.0.1"), podName: "p")], ports: [.init(port: 1)])]))
        try check(pod("a", ["10.0.0.1", "fd00::1"], ports: [.init(name: "web", containerPort: 80)]))
        try check(
            Node(
                metadata: ObjectMeta(name: "n"),
                status: NodeStatus(addresses: [.init(type: "InternalIP", address: "10.0.0.1")])))
    }
}
