import Base
import Objects
import TestSupport
import Testing

@Suite("EndpointSlices as they are written")
struct EndpointSliceDecodingTests {
    private typealias Endpoint = EndpointSlice.Endpoint

    private func endpoint(_ fields: String) throws -> Endpoint { try read(Endpoint.self, fields) }

    private func slice(_ fields: String) throws -> EndpointSlice {
        try read(EndpointSlice.self, "metadata: {name: web-1}\n\(fields)")
    }

    @Test("What the controller of an API server writes is read")
    func controller() throws {
        let slice = try read(
            EndpointSlice.self,
            #"""
            {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
             "metadata": {"name": "web-8xk2v", "generateName": "web-", "namespace": "shop", "generation": 3,
               "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                          "kubernetes.io/service-name": "web"},
               "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "controller": true}]},
             "addressType": "IPv4",
             "endpoints": [
               {"addresses": ["10.244.1.5"], "conditions": {"ready": true, "serving": true, "terminating": false},
                "nodeName": "node-a", "zone": "a", "hints": {"forZones": [{"name": "a"}], "forNodes": [{"name": "node-a"}]},
                "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "6c1a"}},
               {"addresses": ["10.244.2.6"], "conditions": {"ready": false, "serving": true, "terminating": true},
                "hostname": "db-0", "deprecatedTopology": {"kubernetes.io/hostname": "node-b"}}],
             "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}]}
            """#)
        #expect(slice.serviceName == "web")
        #expect(slice.metadata.key == ObjectKey(namespace: "shop", name: "web-8xk2v"))
        #expect(slice.ports == [.init(name: "http", port: 8080)])
        #expect(
            slice.endpoints == [
                Endpoint(
                    address: ip("10.244.1.5"), ready: true, serving: true, terminating: false, nodeName: "node-a",
                    zone: "a", podName: "web-1", zoneHints: ["a"], nodeHints: ["node-a"]),
                Endpoint(
                    address: ip("10.244.2.6"), ready: false, serving: true, terminating: true, hostname: "db-0"),
            ])
    }

    @Test("A slice without its label belongs to no Service")
    func noService() throws {
        #expect(try slice("addressType: IPv4").serviceName == nil)
    }

    @Test("No endpoints and no ports: left out, null or empty", arguments: ["", "null", "[]"])
    func nothing(_ list: String) throws {
        let fields = list.isEmpty ? "" : "\nendpoints: \(list)\nports: \(list)"
        let slice = try slice("addressType: IPv6\(fields)")
        #expect(slice.endpoints.isEmpty && slice.ports.isEmpty && slice.addressType.family == .ipv6)
    }

    @Test("Host names are not read, whatever is among them")
    func hostNames() throws {
        let slice = try slice("addressType: FQDN\nendpoints: [{addresses: [db.example.com]}, 5]")
        #expect(slice.endpoints.isEmpty)
        #expect(slice.addressType.family == nil)
    }

    @Test("Of several addresses the first is used; the others are not even looked at")
    func firstAddress() throws {
        #expect(try endpoint("addresses: [10.0.0.1, nonsense, 7]").address == ip("10.0.0.1"))
        for none in ["{}", "addresses: null", "addresses: []"] { #expect(try endpoint(none).address == nil) }
        let slice = try slice("addressType: IPv4\nendpoints: [{addresses: []}, {addresses: [10.0.0.1, 'fd00::1']}]")
        #expect(slice.endpoints.map(\.address) == [nil, ip("10.0.0.1")])
    }

    @Test("What is not said of an endpoint is told from false")
    func conditions() throws {
        for unsaid in [
            "{}", "conditions: null", "conditions: {}", "conditions: {ready: null, serving: null, terminating: null}",
        ] {
            let endpoint = try endpoint(unsaid)
            #expect(endpoint.ready == nil && endpoint.serving == nil && endpoint.terminating == nil, "\(unsaid)")
        }
        let said = try endpoint("conditions: {ready: false, terminating: true, unknown: true}")
        #expect(said.ready == false && said.serving == nil && said.terminating == true)
    }

    @Test("Hints may be missing, null or empty")
    func hints() throws {
        for none in [
            "{}", "hints: null", "hints: {}", "hints: {forZones: null, forNodes: null}",
            "hints: {forZones: [], forNodes: []}",
        ] {
            let endpoint = try endpoint(none)
            #expect(endpoint.zoneHints.isEmpty && endpoint.nodeHints.isEmpty, "\(none)")
        }
        #expect(try endpoint("hints: {forZones: [{name: a}, {name: b}]}").zoneHints == ["a", "b"])
        #expect(try endpoint("hints: {forNodes: [{name: a}]}").nodeHints == ["a"])
    }

    @Test(
        "Only a pod is taken for one; a reference without kind is to a pod",
        arguments: [
            ("{kind: Pod, name: web-1}", "web-1"), ("{name: web-1}", "web-1"), ("{kind: null, name: web-1}", "web-1"),
            ("{kind: Node, name: web-1}", nil), ("{kind: Pod}", nil), ("{}", nil), ("null", nil),
        ])
    func target(_ reference: String, _ name: String?) throws {
        #expect(try endpoint("targetRef: \(reference)").podName == name)
        let address = try read(Endpoints.Address.self, "{ip: 10.0.0.1, targetRef: \(reference)}")
        #expect(address.podName == name)
    }

    @Test("A port without a number stands for all, and none without a name has the empty one")
    func ports() throws {
        func port(_ fields: String) throws -> EndpointSlice.Port { try read(EndpointSlice.Port.self, fields) }
        #expect(try port("{}") == .init(port: nil))
        #expect(try port("{name: null, port: null, protocol: null}") == .init(port: nil))
        #expect(try port("{name: '', port: 0, protocol: ''}") == .init(port: nil))
        #expect(try port("{name: dns, port: 53, protocol: UDP}") == .init(name: "dns", transport: .udp, port: 53))
    }

    @Test(
        "A wrong value is told with its place, what was expected, and what is there",
        arguments: [
            ("endpoints: []", "addressType: expected IPv4, IPv6 or FQDN, found nothing"),
            ("addressType: ''", "addressType: expected IPv4, IPv6 or FQDN, found \"\""),
            ("addressType: ipv4", "addressType: expected IPv4, IPv6 or FQDN, found \"ipv4\""),
            ("addressType: 4", "addressType: expected text, found 4 (put it in quotes)"),
            ("{addressType: IPv4, endpoints: {}}", "endpoints: expected a list, found an object"),
            ("{addressType: IPv4, endpoints: [10.0.0.1]}", "endpoints[0]: expected an object, found \"10.0.0.1\""),
            ("{addressType: IPv4, ports: [8080]}", "ports[0]: expected an object, found 8080"),
            (
                "{addressType: IPv4, ports: [{port: -1}]}", "ports[0].port: expected a number from 0 to 65535, found -1"
            ),
            (
                "{addressType: IPv4, ports: [{port: 1}, {port: http}]}",
                "ports[1].port: expected a number from 0 to 65535, found \"http\""
            ),
            (
                "{addressType: IPv6, endpoints: [{addresses: ['fd00::1']}, {addresses: [10.0.0.1]}]}",
                "endpoints[1].addresses[0]: expected an IPv6 address, found \"10.0.0.1\""
            ),
        ])
    func wrongSlices(_ fields: String, _ expected: String) throws {
        let fields = fields.hasPrefix("{") ? String(fields.dropFirst().dropLast()) : fields
        #expect(try words(about: EndpointSlice.self, "{metadata: {name: web-1}, \(fields)}") == expected)
    }

    @Test(
        "So is one of an endpoint",
        arguments: [
            ("addresses: 10.0.0.1", "addresses: expected a list, found \"10.0.0.1\""),
            ("addresses: [10.0.0.256]", "addresses[0]: expected an IP address, found \"10.0.0.256\""),
            ("addresses: [10.0]", "addresses[0]: expected text, found 10.0 (put it in quotes)"),
            ("addresses: [null]", "addresses[0]: expected text, found nothing"),
            ("conditions: []", "conditions: expected an object, found a list"),
            ("conditions: {ready: 'true'}", "conditions.ready: expected true or false, found \"true\""),
            ("conditions: {serving: 1}", "conditions.serving: expected true or false, found 1"),
            ("conditions: {terminating: {}}", "conditions.terminating: expected true or false, found an object"),
            ("nodeName: 7", "nodeName: expected text, found 7 (put it in quotes)"),
            ("zone: [a]", "zone: expected text, found a list"),
            ("hostname: true", "hostname: expected text, found true (put it in quotes)"),
            (
                "hostname: 'github.com x'",
                "hostname: expected a name of at most 63 lower-case letters, digits and hyphens, found \"github.com x\""
            ),
            ("hints: [a]", "hints: expected an object, found a list"),
            ("hints: {forZones: [a]}", "hints.forZones[0]: expected an object, found \"a\""),
            ("hints: {forZones: [{zone: a}]}", "hints.forZones[0]: expected a field name"),
            ("hints: {forNodes: {name: a}}", "hints.forNodes: expected a list, found an object"),
            ("targetRef: web-1", "targetRef: expected an object, found \"web-1\""),
            ("targetRef: {name: 1}", "targetRef.name: expected text, found 1 (put it in quotes)"),
        ])
    func wrongEndpoints(_ fields: String, _ expected: String) throws {
        #expect(try words(about: Endpoint.self, fields) == expected)
    }
}
