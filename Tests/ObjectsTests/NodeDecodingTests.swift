import Base
import Objects
import Testing

@Suite("Nodes as they are written")
struct NodeDecodingTests {
    private func node(_ fields: String) throws -> Node { try read(Node.self, "metadata: {name: node-a}\n\(fields)") }

    @Test("What an API server prints is read, and what no proxy needs is passed over")
    func printed() throws {
        let node = try read(
            Node.self,
            """
            apiVersion: v1
            kind: Node
            metadata:
              name: node-a.example.com
              labels: {kubernetes.io/os: linux, topology.kubernetes.io/zone: a, topology.kubernetes.io/region: eu}
            spec:
              podCIDR: 10.244.1.0/24
              podCIDRs: [10.244.1.0/24, "fd00:1::/64"]
              providerID: kind://docker/kind/node-a
              taints:
              - {key: node.kubernetes.io/unschedulable, effect: NoSchedule, timeAdded: "2026-11-23T13:41:38Z"}
              unschedulable: true
            status:
              addresses:
              - {type: Hostname, address: node-a}
              - {type: ExternalIP, address: 198.51.100.7}
              - {type: InternalIP, address: 192.0.2.7}
              - {type: InternalIP, address: "fd00::7"}
              capacity: {cpu: "8", memory: 32Gi}
              nodeInfo: {kubeletVersion: v1.36.0}
            """)
        #expect(node.zone == "a")
        #expect(node.spec.podCIDRs == ["10.244.1.0/24", "fd00:1::/64"])
        #expect(node.spec.taints == [.init(key: "node.kubernetes.io/unschedulable")])
        #expect(node.addresses.map(\.description) == ["192.0.2.7", "fd00::7", "198.51.100.7"])
        #expect(node.status.addresses.count == 4)
    }

    @Test("A node of nothing but its name is read, and so is one of nulls")
    func bare() throws {
        for fields in [
            "", "spec: null\nstatus: null", "spec: {podCIDRs: null, taints: null}\nstatus: {addresses: null}",
        ] {
            #expect(try node(fields) == Node(metadata: ObjectMeta(name: "node-a")), "\(fields)")
        }
    }

    @Test("The zone is that of the label; an empty one is none")
    func zone() throws {
        func zone(_ labels: String) throws -> String? {
            try read(Node.self, "metadata: {name: node-a, labels: \(labels)}").zone
        }
        #expect(try zone("{topology.kubernetes.io/zone: eu-1}") == "eu-1")
        #expect(try zone("{topology.kubernetes.io/zone: ''}") == nil)
        #expect(try zone("{failure-domain.beta.kubernetes.io/zone: eu-1}") == nil)
        #expect(try zone("null") == nil)
    }

    @Test("Addresses that are none, and kinds that nobody knows, are passed over")
    func addresses() throws {
        let node = try node(
            """
            status:
              addresses:
              - {type: InternalIP, address: node-a}
              - {type: InternalIP, address: ""}
              - {type: internalip, address: 192.0.2.1}
              - {type: InternalDNS, address: 192.0.2.2}
              - {type: ExternalIP, address: 192.0.2.3}
            """)
        #expect(node.addresses.map(\.description) == ["192.0.2.3"])
    }

    @Test(
        "A wrong value is told with its place, what was expected, and what is there",
        arguments: [
            ("spec: {podCIDRs: 10.244.1.0/24}", "spec.podCIDRs: expected a list, found \"10.244.1.0/24\""),
            ("spec: {podCIDRs: [10]}", "spec.podCIDRs[0]: expected text, found 10 (put it in quotes)"),
            ("spec: {taints: [{}]}", "spec.taints[0]: expected a field key"),
            ("spec: {taints: [{key: null}]}", "spec.taints[0].key: expected text, found nothing"),
            ("status: []", "status: expected an object, found a list"),
            ("status: {addresses: [192.0.2.1]}", "status.addresses[0]: expected an object, found \"192.0.2.1\""),
            ("status: {addresses: [{address: 192.0.2.1}]}", "status.addresses[0]: expected a field type"),
            ("status: {addresses: [{type: InternalIP}]}", "status.addresses[0]: expected a field address"),
            (
                "status: {addresses: [{type: InternalIP, address: 192.1}]}",
                "status.addresses[0].address: expected text, found 192.1 (put it in quotes)"
            ),
        ])
    func wrong(_ field: String, _ expected: String) throws {
        #expect(try words(about: Node.self, "{metadata: {name: node-a}, \(field)}") == expected)
    }
}
