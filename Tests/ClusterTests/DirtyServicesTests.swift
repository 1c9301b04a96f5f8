import Base
import Objects
import TestSupport
import Testing

@testable import Cluster

/// The store under test, told of objects by namespace.
private struct Told {
    var store = ClusterStore()

    /// The Services that this may matter to, as `namespace/name`.
    mutating func update(_ objects: ClusterObject..., gone: [ClusterObject] = []) -> [String] {
        var changes = ObjectChanges()
        for object in objects { changes.update(object) }
        for object in gone { changes.remove(object.id) }
        return store.apply(changes).keys.map { "\($0.namespace)/\($0.name)" }.sorted()
    }

    mutating func remove(_ objects: ClusterObject...) -> [String] { update(gone: objects) }
}

private func web(_ namespace: String, _ selector: [String: String] = ["app": "web"]) -> ClusterObject {
    var service = service { $0.selector = selector }
    service.metadata.namespace = namespace
    return .service(service)
}

private func slice(_ name: String, of owner: String?, in namespace: String, _ addresses: String...) -> ClusterObject {
    var slice = TestSupport.slice(name: name, addresses.map { endpoint($0) })
    slice.metadata.namespace = namespace
    slice.metadata.labels[WellKnownLabel.serviceName] = owner
    return .endpointSlice(slice)
}

private func endpoints(in namespace: String, _ addresses: String..., port: UInt16 = 8080) -> ClusterObject {
    let subset = Endpoints.Subset(addresses: addresses.map { .init(ip: ip($0)) }, ports: [.init(port: port)])
    return .endpoints(Endpoints(metadata: ObjectMeta(name: "web", namespace: namespace), subsets: [subset]))
}

private func pod(in namespace: String, _ address: String, labels: [String: String] = ["app": "web"]) -> ClusterObject {
    .pod(TestSupport.pod("p", [address], labels: labels) { $0.metadata.namespace = namespace })
}

@Suite("Which Services a change may matter to") struct DirtyServicesTests {
    private var told = Told()

    @Test("Namespaces have nothing to do with each other, whatever the kind of object")
    mutating func namespaces() {
        for space in ["a", "b"] {
            #expect(told.update(web(space)) == ["\(space)/web"])
            #expect(told.update(pod(in: space, "10.0.0.1")) == ["\(space)/web"])
            #expect(told.update(slice("s", of: "web", in: space, "10.0.0.1")) == ["\(space)/web"])
            #expect(told.update(endpoints(in: space, "10.0.0.1")) == ["\(space)/web"])
        }
        #expect(told.update(slice("s", of: "web", in: "a", "10.0.0.2")) == ["a/web"])
        #expect(told.remove(slice("s", of: "web", in: "a")) == ["a/web"])
        let (a, b) = (ObjectKey(namespace: "a", name: "web"), ObjectKey(namespace: "b", name: "web"))
        #expect(told.store.slices(of: a).isEmpty && told.store.slices(of: b).count == 1)
        #expect(told.store.services(withEndpointAt: ip("10.0.0.1")) { $0 == 8080 } == [a, b])
        #expect(told.remove(web("a"), endpoints(in: "a"), pod(in: "a", "10.0.0.1")) == ["a/web"])
        #expect(Array(told.store.serviceKeys) == [b] && told.store.endpoints(of: b) != nil)
    }

    @Test("Each object that is told again as it was matters to nobody, and as it was not, it does")
    mutating func again() {
        let objects = [
            web("a"), slice("s", of: "web", in: "a", "10.0.0.1"), endpoints(in: "a", "10.0.0.1"),
            slice("stray", of: nil, in: "a", "10.0.0.1"),
        ]
        for object in objects { _ = told.update(object) }
        for object in objects { #expect(told.update(object).isEmpty, "\(object.id)") }
        #expect(told.update(web("a", ["app": "api"])) == ["a/web"])
        #expect(told.update(slice("s", of: "web", in: "a", "10.0.0.1", "10.0.0.2")) == ["a/web"])
        #expect(told.update(endpoints(in: "a", "10.0.0.1", port: 8081)) == ["a/web"])
        #expect(told.update(slice("stray", of: nil, in: "a", "10.0.0.2")).isEmpty, "and this one never")
    }

    @Test("What is taken away matters once")
    mutating func removal() {
        let objects = [web("a"), slice("s", of: "web", in: "a", "10.0.0.1"), endpoints(in: "a", "10.0.0.1")]
        for object in objects { _ = told.update(object) }
        for object in objects {
            #expect(told.remove(object) == ["a/web"], "\(object.id)")
            #expect(told.remove(object).isEmpty, "\(object.id)")
        }
        #expect(told.store.records.isEmpty)
    }

    @Test("A slice that goes from Service to Service matters to the one that it leaves and the one that it comes to")
    mutating func movingSlice() {
        _ = told.update(slice("s", of: "web", in: "a", "10.0.0.1"))
        #expect(told.update(slice("s", of: "api", in: "a", "10.0.0.1")) == ["a/api", "a/web"])
        #expect(told.update(slice("s", of: nil, in: "a", "10.0.0.1")) == ["a/api"])
        #expect(told.store.services(withEndpointAt: ip("10.0.0.1")) { _ in true }.isEmpty)
        #expect(told.update(slice("s", of: "", in: "a", "10.0.0.1")).isEmpty)
        #expect(told.update(slice("s", of: "web", in: "a", "10.0.0.1")) == ["a/web"])
        #expect(told.remove(slice("s", of: "api", in: "a")) == ["a/web"], "it was no longer the other's")
    }

    @Test("Two slices that change places leave both Services with the right one")
    mutating func exchangedSlices() {
        _ = told.update(slice("s", of: "web", in: "a", "10.0.0.1"), slice("t", of: "api", in: "a", "10.0.0.2"))
        let dirty = told.update(slice("s", of: "api", in: "a", "10.0.0.1"), slice("t", of: "web", in: "a", "10.0.0.2"))
        #expect(dirty == ["a/api", "a/web"])
        for (name, slice, address) in [("web", "t", "10.0.0.2"), ("api", "s", "10.0.0.1")] {
            let key = ObjectKey(namespace: "a", name: name)
            #expect(told.store.slices(of: key).map(\.metadata.name) == [slice])
            #expect(told.store.services(withEndpointAt: ip(address)) { $0 == 8080 } == [key])
        }
    }

    @Test("A pod matters when it comes into a selector, changes within it and leaves it, and not outside")
    mutating func podAndSelector() {
        _ = told.update(web("a", ["app": "web", "tier": "front"]))
        let inside = ["app": "web", "tier": "front"]
        #expect(told.update(pod(in: "a", "10.0.0.1", labels: ["app": "web"])).isEmpty)
        #expect(told.update(pod(in: "a", "10.0.0.1", labels: inside)) == ["a/web"])
        #expect(told.update(pod(in: "a", "10.0.0.2", labels: inside)) == ["a/web"])
        #expect(told.update(pod(in: "a", "10.0.0.2", labels: inside)).isEmpty)
        #expect(told.update(pod(in: "a", "10.0.0.2", labels: ["tier": "front"])) == ["a/web"])
        #expect(told.update(pod(in: "a", "10.0.0.3", labels: ["tier": "front"])).isEmpty)
        #expect(told.update(pod(in: "a", "10.0.0.3", labels: inside)) == ["a/web"])
        #expect(told.remove(pod(in: "a", "10.0.0.3")) == ["a/web"])
    }

    @Test("A pod that comes in one change with what makes it count is found, and so is one that goes with it")
    mutating func together() {
        #expect(told.update(web("a"), pod(in: "a", "10.0.0.1"), slice("s", of: "web", in: "a")) == ["a/web"])
        // The slice goes, so from now on the pods count.
        #expect(told.update(pod(in: "a", "10.0.0.2"), gone: [slice("s", of: "web", in: "a")]) == ["a/web"])
        #expect(told.update(web("a", ["app": "api"]), gone: [pod(in: "a", "10.0.0.2")]) == ["a/web"])
        #expect(told.update(pod(in: "a", "10.0.0.2")).isEmpty)
    }

    @Test("Endpoints and slices of one Service stand beside each other, and each goes alone")
    mutating func bothKinds() {
        let key = ObjectKey(namespace: "a", name: "web")
        func found(_ address: String) -> Bool {
            told.store.services(withEndpointAt: ip(address)) { $0 == 8080 } == [key]
        }
        _ = told.update(
            endpoints(in: "a", "10.0.0.1", "10.0.0.2"), slice("s", of: "web", in: "a", "10.0.0.2", "10.0.0.3"))
        #expect(found("10.0.0.1") && found("10.0.0.2") && found("10.0.0.3"))
        #expect(told.remove(endpoints(in: "a")) == ["a/web"])
        #expect(!found("10.0.0.1") && found("10.0.0.2") && found("10.0.0.3"))
        #expect(told.update(endpoints(in: "a", "10.0.0.3")) == ["a/web"])
        #expect(told.remove(slice("s", of: "web", in: "a")) == ["a/web"])
        #expect(!found("10.0.0.2") && found("10.0.0.3"))
    }

    @Test("A Node that goes to another zone or changes its labels matters to no Service by itself")
    mutating func nodes() {
        func node(_ zone: String?, _ address: String) -> ClusterObject {
            var metadata = ObjectMeta(name: "n")
            metadata.labels[WellKnownLabel.zone] = zone
            return .node(
                Node(metadata: metadata, status: NodeStatus(addresses: [.init(type: "InternalIP", address: address)])))
        }
        _ = told.update(web("a"), node("east", "192.168.1.1"))
        for zone in ["west", nil, ""] {
            var changes = ObjectChanges()
            changes.update(node(zone, "192.168.1.1"))
            #expect(told.store.apply(changes) == DirtyServices())
            #expect(told.store.node("n")?.metadata.labels[WellKnownLabel.zone] == zone)
        }
        #expect(told.update(node("east", "192.168.1.2")).isEmpty)
        #expect(told.store.isNodeAddress(ip("192.168.1.2")) && !told.store.isNodeAddress(ip("192.168.1.1")))
        #expect(told.remove(node(nil, "")).isEmpty && Array(told.store.nodeNames).isEmpty)
    }
}
