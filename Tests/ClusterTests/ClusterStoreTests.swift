import Base
import Objects
import TestSupport
import Testing

@testable import Cluster

@Suite("Objects by key, and the Services that a change matters to") struct ClusterStoreTests {
    private var store = ClusterStore()

    private func key(_ name: String, _ namespace: String = "default") -> ObjectKey {
        ObjectKey(namespace: namespace, name: name)
    }

    /// The names of the Services that these may matter to.
    private mutating func update(_ objects: ClusterObject...) -> [String] {
        var changes = ObjectChanges()
        for object in objects { changes.update(object) }
        return store.apply(changes).keys.map(\.name).sorted()
    }

    private mutating func remove(_ objects: ClusterObject...) -> [String] {
        var changes = ObjectChanges()
        for object in objects { changes.remove(object.id) }
        return store.apply(changes).keys.map(\.name).sorted()
    }

    private func node(_ name: String, _ addresses: String..., zone: String? = nil) -> ClusterObject {
        var metadata = ObjectMeta(name: name)
        metadata.labels[WellKnownLabel.zone] = zone
        return .node(
            Node(
                metadata: metadata,
                status: NodeStatus(addresses: addresses.map { .init(type: "InternalIP", address: $0) })))
    }

    private func endpoints(_ name: String, _ addresses: String..., port: UInt16 = 8080) -> Endpoints {
        Endpoints(
            metadata: ObjectMeta(name: name),
            subsets: [
                .init(addresses: addresses.map { .init(ip: ip($0), nodeName: "here") }, ports: [.init(port: port)])
            ])
    }

    private func selecting(_ name: String, _ selector: [String: String]) -> ClusterObject {
        .service(service(name) { $0.selector = selector })
    }

    // MARK: What describes a Service

    @Test("A Service, its slices and its Endpoints matter to that Service, whatever comes first")
    mutating func description() {
        #expect(update(.endpointSlice(slice([endpoint("10.0.0.1")]))) == ["web"])
        #expect(store.service(key("web")) == nil && Array(store.serviceKeys).isEmpty)
        #expect(update(.endpoints(endpoints("web", "10.0.0.2"))) == ["web"])
        #expect(update(.service(service())) == ["web"])
        #expect(Array(store.serviceKeys) == [key("web")])
        #expect(store.slices(of: key("web")).count == 1 && store.endpoints(of: key("web")) != nil)

        #expect(remove(.service(service())) == ["web"])
        #expect(store.service(key("web")) == nil && store.slices(of: key("web")).count == 1)
        #expect(remove(.endpointSlice(slice([])), .endpoints(endpoints("web"))) == ["web"])
        #expect(store.slices(of: key("web")).isEmpty && store.endpoints(of: key("web")) == nil)
    }

    @Test("Objects that are what they were matter to nobody, nor do those that are gone and never were")
    mutating func equalObjects() {
        let objects: [ClusterObject] = [
            selecting("web", ["app": "web"]), .endpointSlice(slice([endpoint("10.0.0.1")])),
            .endpoints(endpoints("web", "10.0.0.1")), .pod(pod("p", ["10.0.0.1"])), node("here", "192.168.1.1"),
        ]
        var changes = ObjectChanges()
        for object in objects { changes.update(object) }
        #expect(store.apply(changes) != DirtyServices())
        #expect(store.apply(changes) == DirtyServices())
        var empty = ClusterStore()
        var gone = ObjectChanges()
        for object in objects { gone.remove(object.id) }
        #expect(empty.apply(gone) == DirtyServices())
    }

    @Test("A slice that goes over to another Service matters to both")
    mutating func slices() {
        _ = update(
            .service(service()), .service(service("api")), .endpointSlice(slice(name: "s", [endpoint("10.0.0.1")])))
        #expect(update(.endpointSlice(slice(of: "api", name: "s", [endpoint("10.0.0.1")]))) == ["api", "web"])
        #expect(store.slices(of: key("web")).isEmpty)
        #expect(store.services(withEndpointAt: ip("10.0.0.1")) { $0 == 8080 } == [key("api")])
        var elsewhere = slice(of: "api", name: "s", [])
        elsewhere.metadata.namespace = "shop"
        #expect(update(.endpointSlice(elsewhere)) == ["api"])
        #expect(store.slices(of: key("api")).count == 1 && store.slices(of: key("api", "shop")).count == 1)
    }

    @Test("Slices are in the order of their names, however they come and change")
    mutating func sliceOrder() {
        for name in ["c", "a", "b"] { _ = update(.endpointSlice(slice(name: name, []))) }
        #expect(store.slices(of: key("web")).map(\.metadata.name) == ["a", "b", "c"])
        _ = update(.endpointSlice(slice(name: "a", [endpoint("10.0.0.1")])))
        #expect(store.slices(of: key("web")).map(\.metadata.name) == ["a", "b", "c"])
    }

    @Test("Very many slices of one Service cost what they are, together and one by one")
    func manySlices() {
        /// The time for so many at once, and for a change of one of them.
        func cost(_ count: Int) -> (together: Duration, one: Duration) {
            var changes = ObjectChanges()
            for number in 0..<count {
                changes.update(.endpointSlice(slice(name: "s\(number)", [endpoint("10.0.0.1")])))
            }
            var full = ClusterStore()
            let together = processorTime {
                full = ClusterStore()
                _ = full.apply(changes)
            }
            #expect(full.slices(of: key("web")).count == count)
            var edits = (1...100).map { number in
                var change = ObjectChanges()
                change.update(.endpointSlice(slice(name: "s\(count / 2)", [endpoint("10.0.1.\(number)")])))
                return change
            }
            let one = processorTime {
                for edit in edits { _ = full.apply(edit) }
            }
            edits = []
            var end = ObjectChanges()
            end.remove(ClusterObject.endpointSlice(slice(name: "s\(count / 2)", [])).id)
            _ = full.apply(end)
            #expect(full.slices(of: key("web")).count == count - 1)
            return (together, one)
        }
        let (few, many) = (cost(1_000), cost(16_000))
        // Sixteen times as many: 256 times as long if each of them were compared with each.
        #expect(many.together < few.together * 64)
        #expect(many.one < few.one * 64)
    }

    @Test("A slice and the end of the Service that it belongs to may come together")
    mutating func sliceAndEnd() {
        for _ in 0..<20 {
            _ = update(.service(service()), .endpoints(endpoints("web")))
            var changes = ObjectChanges()
            changes.update(.endpointSlice(slice(name: "s", [endpoint("10.0.0.1")])))
            changes.remove(ClusterObject.service(service()).id)
            changes.remove(ClusterObject.endpoints(endpoints("web")).id)
            _ = store.apply(changes)
            #expect(store.slices(of: key("web")).map(\.metadata.name) == ["s"])
            #expect(store.services(withEndpointAt: ip("10.0.0.1")) { $0 == 8080 } == [key("web")])
            _ = remove(.endpointSlice(slice(name: "s", [])))
            #expect(store.records.isEmpty)
        }
    }

    @Test("Slices that belong to no Service are known, until they do or are gone")
    mutating func strays() {
        var stray = slice(name: "s", [endpoint("10.0.0.1")])
        for label in [nil, ""] {
            stray.metadata.labels[WellKnownLabel.serviceName] = label
            #expect(update(.endpointSlice(stray)).isEmpty)
            #expect(store.strays == [key("s")])
        }
        #expect(update(.endpointSlice(slice(name: "s", []))) == ["web"])
        #expect(store.strays.isEmpty)
        #expect(update(.endpointSlice(stray)) == ["web"])
        #expect(store.strays == [key("s")] && store.slices(of: key("web")).isEmpty)
        #expect(remove(.endpointSlice(stray)).isEmpty)
        #expect(store.strays.isEmpty)
    }

    @Test("A Service of which nobody speaks any more takes no room")
    mutating func forgotten() {
        _ = update(.endpointSlice(slice(name: "s", [])), .endpoints(endpoints("web")))
        _ = update(.endpointSlice(slice(of: "api", name: "s", [])))
        #expect(store.records.count == 2)
        _ = remove(.endpoints(endpoints("web")))
        #expect(store.records.count == 1)
        _ = update(.endpointSlice(slice(of: "other", name: "s", [])))
        #expect(store.records.count == 1, "it has gone over to another")
        _ = remove(.endpointSlice(slice(name: "s", [])))
        #expect(store.records.isEmpty)
    }

    // MARK: Pods

    @Test("A pod matters to the Services that select it, before or after")
    mutating func pods() {
        _ = update(selecting("web", ["app": "web"]), selecting("both", ["app": "web", "tier": "front"]))
        _ = update(selecting("none", [:]), selecting("other", ["app": "other"]))
        #expect(update(.pod(pod("p", ["10.0.0.1"]))) == ["web"])
        #expect(update(.pod(pod("p", ["10.0.0.1"], labels: ["app": "web", "tier": "front"]))) == ["both", "web"])
        #expect(update(.pod(pod("p", ["10.0.0.1"], labels: ["app": "other"]))) == ["both", "other", "web"])
        #expect(store.pods(for: service("other") { $0.selector = ["app": "other"] }).map(\.metadata.name) == ["p"])
        #expect(update(.pod(pod("q", ["10.0.0.2"]) { $0.metadata.namespace = "shop" })).isEmpty)
        #expect(remove(.pod(pod("p", []))) == ["other"])
        #expect(store.pods(for: service("other") { $0.selector = ["app": "other"] }).isEmpty)
    }

    @Test("A pod does not matter where something else says what the endpoints are, but for another kind of Service")
    mutating func podsThatDoNotCount() {
        _ = update(selecting("web", ["app": "web"]), .endpointSlice(slice([endpoint("10.0.0.9")])))
        #expect(update(.pod(pod("p", ["10.0.0.1"]))).isEmpty)
        _ = update(.endpointSlice(slice(labels: [WellKnownLabel.headless: ""], [endpoint("10.0.0.9")])))
        #expect(update(.pod(pod("p", ["10.0.0.2"]))) == ["web"])
        _ = update(.endpoints(endpoints("web")))
        #expect(update(.pod(pod("p", ["10.0.0.3"]))).isEmpty)
        #expect(remove(.endpoints(endpoints("web")), .endpointSlice(slice([]))) == ["web"])
        #expect(update(.pod(pod("p", ["10.0.0.4"]))) == ["web"])
    }

    @Test("A selector that changes finds other pods, and they find their Service")
    mutating func selectors() {
        _ = update(.pod(pod("a", ["10.0.0.1"])), .pod(pod("b", ["10.0.0.2"], labels: ["app": "api"])))
        for app in ["web", "api", "web"] {
            let web = service { $0.selector = ["app": app] }
            #expect(update(.service(web)) == ["web"])
            #expect(store.pods(for: web).map(\.metadata.name) == [app == "web" ? "a" : "b"])
            let other = pod("other", [], labels: ["app": app == "web" ? "api" : "web"])
            #expect(
                store.selectors.numbers(for: other.metadata.labels, in: "default").isEmpty,
                "nobody is looked at in vain")
            #expect(update(.pod(pod("a", ["10.0.0.3"], ready: app == "api"))) == (app == "web" ? ["web"] : []))
        }
        _ = remove(.service(service()))
        #expect(update(.pod(pod("a", ["10.0.0.4"]))).isEmpty)
    }

    // MARK: Addresses

    @Test("Services are found by the addresses of their endpoints, of whichever kind, and the ports that they offer")
    mutating func endpointAddresses() {
        func found(_ address: String, _ port: UInt16 = 8080) -> [String] {
            store.services(withEndpointAt: ip(address)) { $0 == port }.map(\.name).sorted()
        }
        _ = update(.endpointSlice(slice([endpoint("10.0.0.1"), endpoint("10.0.0.1"), endpoint("10.0.0.2", .unready)])))
        _ = update(.endpoints(endpoints("api", "10.0.0.1")))
        _ = update(selecting("pods", ["app": "web"]), .pod(pod("p", ["10.0.0.1", "fd00::1"])))
        #expect(found("10.0.0.1") == ["api", "pods", "web"])
        #expect(found("10.0.0.2") == ["web"] && found("fd00::1") == ["pods"] && found("10.0.0.3").isEmpty)
        // What a pod's port is depends on the Service.
        #expect(found("10.0.0.1", 80) == ["pods"])
        // Twice in a slice and once left is still there.
        _ = update(
            .endpointSlice(slice([endpoint("10.0.0.2"), endpoint("10.0.0.1")])),
            .endpoints(endpoints("api", "10.0.0.3")))
        #expect(found("10.0.0.1") == ["pods", "web"] && found("10.0.0.3") == ["api"])
        _ = update(.pod(pod("p", ["10.0.0.4", "fd00::1"])))
        #expect(found("10.0.0.1") == ["web"] && found("10.0.0.4") == ["pods"])
        _ = remove(.endpointSlice(slice([])), .pod(pod("p", [])))
        #expect(found("10.0.0.1").isEmpty && found("10.0.0.2").isEmpty && found("fd00::1").isEmpty)
    }

    @Test("However a slice changes, the addresses that it has are the ones that are found", arguments: UInt64(1)...30)
    mutating func slicesThatChange(seed: UInt64) {
        var random = SeededRandom(seed)
        for _ in 0..<20 {
            let numbers = (0..<Int.random(in: 0...6, using: &random)).map { _ in Int.random(in: 1...4, using: &random) }
            _ = update(.endpointSlice(slice(numbers.map { endpoint("10.0.0.\($0)", node: "n\($0)") })))
            for number in 1...4 {
                let found = store.services(withEndpointAt: ip("10.0.0.\(number)")) { $0 == 8080 }
                #expect(found == (numbers.contains(number) ? [key("web")] : []), "seed \(seed): \(numbers)")
            }
            #expect(Set(store.endpointNodes) == Set(numbers.map { "n\($0)" }), "seed \(seed): \(numbers)")
        }
    }

    @Test("Services are found by their cluster IPs")
    mutating func clusterIPs() {
        _ = update(.service(service(clusterIPs: ["10.96.0.1", "fd00::1"])), .service(service("api")))
        #expect(store.services(withClusterIP: ip("10.96.0.1")) == [key("web"), key("api")])
        #expect(store.services(withClusterIP: ip("fd00::1")) == [key("web")])
        _ = update(.service(service(clusterIPs: ["10.96.0.2"])))
        #expect(store.services(withClusterIP: ip("10.96.0.1")) == [key("api")])
        _ = remove(.service(service("api")))
        #expect(store.services(withClusterIP: ip("10.96.0.1")).isEmpty)
    }

    // MARK: Nodes

    @Test("An address is a node's for as long as any Node has it; only its coming and going is told")
    mutating func nodeAddresses() {
        func change(_ objects: ClusterObject..., gone: ClusterObject? = nil) -> [String] {
            var changes = ObjectChanges()
            for object in objects { changes.update(object) }
            if let gone { changes.remove(gone.id) }
            return store.apply(changes).nodeAddresses.map(\.description).sorted()
        }
        #expect(change(node("a", "192.168.1.1", "192.168.1.2")) == ["192.168.1.1", "192.168.1.2"])
        #expect(change(node("b", "192.168.1.2")).isEmpty)
        #expect(change(node("a", "192.168.1.1", zone: "east")).isEmpty)
        #expect(store.node("a")?.zone == "east" && Set(store.nodeNames) == ["a", "b"])
        #expect(change(node("b")) == ["192.168.1.2"])
        #expect(!store.isNodeAddress(ip("192.168.1.2")) && store.isNodeAddress(ip("192.168.1.1")))
        // What one gives to another in one step is where it was.
        #expect(change(node("b", "192.168.1.1"), gone: node("a")).isEmpty)
        #expect(Array(store.nodeAddresses) == [ip("192.168.1.1")] && store.node("a") == nil)
    }

    @Test("It is known on which nodes endpoints and pods are said to be")
    mutating func endpointNodes() {
        _ = update(.endpointSlice(slice([endpoint("10.0.0.1", node: "a"), endpoint("10.0.0.2", node: "a")])))
        _ = update(.endpoints(endpoints("web", "10.0.0.1")), .pod(pod("p", [], node: "b")))
        #expect(Set(store.endpointNodes) == ["a", "b", "here"])
        _ = update(.endpointSlice(slice([endpoint("10.0.0.2", node: "a")])), .pod(pod("p", [], node: "c")))
        #expect(store.hasEndpoints(onNode: "a") && !store.hasEndpoints(onNode: "b"))
        _ = update(.endpointSlice(slice([endpoint("10.0.0.2", node: "d")])))
        #expect(store.hasEndpoints(onNode: "d") && !store.hasEndpoints(onNode: "a"), "the same address elsewhere")
        _ = remove(.endpointSlice(slice([])), .endpoints(endpoints("web")), .pod(pod("p", [])))
        #expect(Array(store.endpointNodes).isEmpty)
    }

    @Test("Services with endpoints that are meant for zones are found")
    mutating func zoneHints() {
        _ = update(.endpointSlice(slice([endpoint("10.0.0.1")])))
        _ = update(.endpointSlice(slice(of: "api", [endpoint("10.0.0.1"), endpoint("10.0.0.2", zones: ["east"])])))
        #expect(store.servicesWithZoneHints() == [key("api")])
    }
}
