import Base
import Foundation
import Objects
import TestSupport
import Testing

@Suite("Objects written and read again")
struct RoundTripTests {
    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Reads what is written by the decoder of sources and by Foundation's.
    private func check<T: Codable & Equatable>(_ value: T) throws {
        let text = try json(value)
        #expect(try read(T.self, text) == value, "\(text)")
        #expect(try JSONDecoder().decode(T.self, from: Data(text.utf8)) == value, "\(text)")
    }

    @Test("Services of all kinds")
    func services() throws {
        try check(service())
        try check(service(ports: [], clusterIPs: []) { $0.type = .externalName })
        try check(service(clusterIPs: []) { $0.clusterIPs = [.none] })
        try check(
            service(labels: ["app": "web"], annotations: ["a/b": "\"quoted\"\n"], status: [.init(hostname: "lb")]) {
                $0.type = .loadBalancer
                $0.selector = ["app": "web"]
                $0.internalTrafficPolicy = .local
                $0.externalTrafficPolicy = .local
                $0.healthCheckNodePort = 32000
                $0.loadBalancerSourceRanges = ["10.0.0.0/8"]
            })
    }

    @Test("Slices with conditions that are false, true and unsaid")
    func slices() throws {
        try check(slice([]))
        try check(EndpointSlice(metadata: ObjectMeta(name: "names"), addressType: .fqdn))
        try check(
            slice(
                ports: [.init(name: "a", port: nil), .init(name: "b", transport: .sctp, port: 65535)],
                [
                    endpoint("10.0.0.1", .unsaid), endpoint("10.0.0.2", .terminating, zones: ["a", "b"]),
                    endpoint("10.0.0.3", .gone, nodes: ["here"]), .init(address: nil),
                    .init(address: ip("10.0.0.4"), ready: false, zone: "a", podName: "web-0", hostname: "web-0"),
                ]))
        try check(slice(type: .ipv6, [endpoint("fd00::1")]))
    }

    @Test("Endpoints objects, pods and nodes")
    func others() throws {
        let address = Endpoints.Address(ip: ip("10.0.0.1"), nodeName: "here", podName: "p", hostname: "h")
        try check(Endpoints(metadata: ObjectMeta(name: "web")))
        try check(
            Endpoints(
                metadata: ObjectMeta(name: "web"),
                subsets: [
                    .init(addresses: [address], ports: [.init(name: "a", transport: .udp, port: 53)]),
                    .init(notReadyAddresses: [.init(ip: ip("fd00::1"))]),
                ]))
        try check(pod("a", [], ready: nil))
        try check(
            pod("a", ["10.0.0.1"], ready: false, node: "here", ports: [.init(containerPort: 53, transport: .udp)]))
        try check(
            pod("a", ["fd00::1"]) {
                $0.metadata.deletionTimestamp = "2026-11-23T13:41:38Z"
                $0.spec.hostname = "a"
                $0.spec.subdomain = "web"
                $0.spec.initContainers = [.init(ports: [.init(name: "m", containerPort: 1)], restartPolicy: "Always")]
            })
        try check(
            Node(
                metadata: ObjectMeta(name: "n.example.com", labels: [WellKnownLabel.zone: "a"]),
                spec: NodeSpec(podCIDRs: ["10.244.0.0/24"], taints: [.init(key: "k")]),
                status: NodeStatus(addresses: [.init(type: "Hostname", address: "n")])))
    }

    @Test("A time of creation before there was Kubernetes, as some tools write for none")
    func creation() throws {
        try check(ObjectMeta(name: "web", creationTimestamp: Timestamp("0001-01-01T00:00:01Z")))
        try check(ObjectMeta(name: "web", creationTimestamp: Timestamp("2026-11-23T13:41:38Z")))
    }

    @Test("What is written is what Kubernetes would write: short where defaults say the same")
    func form() throws {
        #expect(try json(ServicePortSpec(port: 80)) == #"{"port":80,"protocol":"TCP"}"#)
        #expect(
            try json(ServicePortSpec(name: "a", transport: .udp, port: 53, targetPort: .name("dns"), nodePort: 30053))
                == #"{"name":"a","nodePort":30053,"port":53,"protocol":"UDP","targetPort":"dns"}"#)
        #expect(
            try json(ServiceSpec(clusterIPs: [.none]))
                == #"{"clusterIP":"None","clusterIPs":["None"],"externalTrafficPolicy":"Cluster","internalTrafficPolicy":"Cluster","type":"ClusterIP"}"#
        )
        #expect(
            try json(EndpointSlice.Endpoint(address: ip("FD00:0::1"))) == #"{"addresses":["fd00::1"],"conditions":{}}"#)
        #expect(try json(EndpointSlice.AddressType.allCases) == #"["IPv4","IPv6","FQDN"]"#)
        #expect(
            try json(PodStatus(phase: .running, podIPs: [ip("10.0.0.1")], ready: false))
                == #"{"conditions":[{"status":"False","type":"Ready"}],"phase":"Running","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}]}"#
        )
    }
}
