import Base
import Objects
import Testing

@testable import portico

/// A Node that comes late, changes and goes (docs/behaviour.md, B10.8).
@Suite("The Node of a daemon") struct NodeIdentityTests {
    private func node(_ addresses: [String] = ["192.168.1.5"], pods: [String] = []) -> Node {
        Node(
            metadata: ObjectMeta(name: "node1"), spec: NodeSpec(podCIDRs: pods),
            status: NodeStatus(addresses: addresses.map { .init(type: "InternalIP", address: $0) }))
    }

    /// `#expect` can look into a call only if that changes nothing.
    private final class Subject {
        private var identity: NodeIdentity

        init(_ identity: NodeIdentity) { self.identity = identity }

        func update(_ node: Node?) -> String? { identity.update(node) }
        func addressesAreDue() { identity.addressesAreDue() }
        func podRangesAreDue() { identity.podRangesAreDue() }
        var problems: [Problem] { identity.problems }
        var reasonToEnd: String? { identity.reasonToEnd }
        var knowsNodes: Bool { identity.knowsNodes }
    }

    private func identity(needsPodRanges: Bool = false, isReadable: Bool = true) -> Subject {
        var identity = NodeIdentity("node1", needsPodRanges: needsPodRanges)
        identity.isReadable = isReadable
        return Subject(identity)
    }

    @Test("One that is not there, or has no addresses, is a problem once it has had its time, until it has some")
    func late() {
        let identity = identity()
        #expect(identity.update(nil) == nil && identity.problems == [])
        identity.addressesAreDue()
        #expect(identity.problems.map(\.severity) == [.error])
        #expect(identity.problems[0].description.hasPrefix("Node node1: the cluster has no such Node"))
        #expect(identity.update(node([])) == nil)
        #expect(identity.problems.map(\.text) == ["it has no addresses yet; those of this machine are used"])
        #expect(identity.update(node()) == nil && identity.problems == [])
        #expect(identity.reasonToEnd == nil)
    }

    @Test("Where Nodes may not be read, nothing is said of one that is not there, until one has been seen")
    func unreadable() {
        let identity = identity(isReadable: false)
        _ = identity.update(nil)
        identity.addressesAreDue()
        #expect(identity.problems == [] && !identity.knowsNodes)
        _ = identity.update(node())
        _ = identity.update(nil)
        #expect(identity.problems.count == 1 && identity.knowsNodes)
    }

    @Test("A change of addresses is told, and one that comes and goes by way of none is none")
    func addresses() {
        let identity = identity()
        #expect(identity.update(node()) == nil)
        #expect(identity.update(node()) == nil)
        #expect(
            identity.update(node(["192.168.1.6", "fd00::6"]))
                == "the addresses of Node node1 are 192.168.1.6, fd00::6 now and were 192.168.1.5; rules follow")
        #expect(identity.update(node([])) == nil)
        #expect(identity.update(nil) == nil)
        #expect(identity.update(node(["192.168.1.6", "fd00::6"])) == nil)
        #expect(identity.reasonToEnd == nil)
    }

    @Test("Where pods are known by the Node's ranges alone, the daemon ends without them, and when they change")
    func podRanges() throws {
        let none = identity(needsPodRanges: true)
        _ = none.update(node())
        #expect(none.problems == [])
        none.addressesAreDue()
        #expect(none.problems.map(\.text) == ["it has no podCIDRs, which --detect-local-mode NodeCIDR needs"])
        #expect(none.reasonToEnd == nil)
        none.podRangesAreDue()
        #expect(try #require(none.reasonToEnd).hasPrefix("Node node1 has got no podCIDRs in 5 minutes"))

        let some = identity(needsPodRanges: true)
        _ = some.update(node(pods: ["10.244.1.0/24"]))
        some.podRangesAreDue()
        _ = some.update(nil)
        _ = some.update(node(pods: []))
        _ = some.update(node(pods: ["10.244.1.0/24"]))
        #expect(some.reasonToEnd == nil)
        _ = some.update(node(pods: ["10.244.2.0/24"]))
        #expect(
            try #require(some.reasonToEnd).hasPrefix(
                "the podCIDRs of Node node1 are 10.244.2.0/24 now and were 10.244.1.0/24"))
    }

    @Test("Everybody else goes on, whatever the ranges are: they are followed")
    func otherModes() {
        let identity = identity()
        for ranges in [["10.244.1.0/24"], [], ["10.244.2.0/24"]] { _ = identity.update(node(pods: ranges)) }
        identity.podRangesAreDue()
        #expect(identity.reasonToEnd == nil)
    }
}
