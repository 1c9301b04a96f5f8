import Base
import Cluster
import Host
import Objects
import Redirect
import TestSupport
import Testing

@testable import Proxy

/// What a node cannot do and nobody would notice otherwise.
@Suite("Problems of a node") struct NodeProblemTests {
    private func addresses(_ texts: String...) throws -> NodeAddresses {
        let interfaces = NetworkInterfaces(
            addresses: try texts.map { .init("eth0", try #require(IPAddress($0))) })
        return NodeAddresses(interfaces, node: nil, NodeSettings(nodeName: "node1"))
    }

    @Test("Without any address there are no rules, and that is said")
    func noAddress() throws {
        let settings = NodeSettings(nodeName: "node1")
        let problems = try addresses("127.0.0.1").problems(serving: [:], settings)
        #expect(problems.map(\.severity) == [.error])
        #expect(problems.first?.text.contains("no IPv4 or IPv6 address") == true, "\(problems)")
    }

    @Test("A family without an address is missed by those who are to be served over it, and by nobody else")
    func oneFamily() throws {
        let settings = NodeSettings(nodeName: "node1")
        let node = try addresses("192.168.1.5")
        #expect(node.problems(serving: [.ipv4: 1], settings) == [])
        let problems = node.problems(serving: [.ipv4: 1, .ipv6: 1], settings)
        #expect(problems.map(\.severity) == [.warning])
        #expect(problems.first?.description.contains("IPv6: addresses of Services (1 ports) are not served") == true)
        var bound = settings
        bound.bindAddress = IPAddress("192.168.1.5")
        #expect(node.problems(serving: [.ipv6: 1], bound) == [], "IPv6 was not asked for")
    }

    @Test("A node that is called otherwise than all that are known")
    func name() throws {
        var store = ClusterStore()
        var changes = ObjectChanges()
        for name in ["node1", "node2", "node3", "node4"] {
            changes.update(.node(Node(metadata: ObjectMeta(name: name))))
        }
        _ = store.apply(changes)
        #expect(store.problems(ofNode: "node2") == [])
        let problem = try #require(store.problems(ofNode: "nod2").first)
        #expect(
            problem.description.hasPrefix("Node nod2: there is no such Node, but node1, node2, node3 and 1 more"))
        #expect(problem.severity == .error)
    }

    @Test("Without Nodes, one that all endpoints are elsewhere than")
    func endpoints() throws {
        var store = ClusterStore()
        #expect(store.problems(ofNode: "nod1") == [])
        var changes = ObjectChanges()
        changes.update(.endpointSlice(slice([endpoint("10.244.0.1", node: "node1")])))
        _ = store.apply(changes)
        #expect(store.problems(ofNode: "node1") == [])
        #expect(store.problems(ofNode: "nod1").map(\.severity) == [.warning])
    }
}
