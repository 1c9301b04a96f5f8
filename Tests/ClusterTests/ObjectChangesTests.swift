import Base
import Cluster
import Objects
import Testing

@Suite("Changes by object")
struct ObjectChangesTests {
    private func service(_ name: String, _ port: UInt16) -> ClusterObject {
        .service(Service(metadata: ObjectMeta(name: name), spec: ServiceSpec(ports: [ServicePortSpec(port: port)])))
    }

    @Test("The last word on each counts")
    func lastWord() {
        var changes = ObjectChanges()
        #expect(changes.isEmpty)
        changes.update(service("web", 80))
        changes.update(service("web", 81))
        changes.update(service("api", 80))
        changes.remove(service("api", 80).id)
        #expect(changes.objects == [service("web", 81).id: service("web", 81), service("api", 80).id: nil])
    }

    @Test("Merged, the later ones win")
    func merging() {
        var first = ObjectChanges()
        first.update(service("a", 1))
        first.remove(service("b", 1).id)
        first.update(service("c", 1))
        var later = ObjectChanges()
        later.remove(service("a", 1).id)
        later.update(service("b", 2))
        first.merge(later)
        #expect(
            first.objects == [
                service("a", 1).id: nil, service("b", 2).id: service("b", 2), service("c", 1).id: service("c", 1),
            ])
    }

    @Test("A Node has no namespace, whatever its key says; kinds tell objects of one name apart")
    func identity() {
        let node = ClusterObject.node(Node(metadata: ObjectMeta(name: "a", namespace: "x")))
        #expect(node.id == ObjectID(.node, ObjectKey(namespace: "", name: "a")))
        #expect(node.id.description == "Node a")
        let key = ObjectKey(namespace: "shop", name: "a")
        #expect(ObjectID(.endpoints, key).description == "Endpoints shop/a")
        #expect(Set(ObjectKind.allCases.map { ObjectID($0, key) }).count == ObjectKind.allCases.count)
        #expect([ObjectID(.pod, key), ObjectID(.service, key)].sorted().map(\.kind) == [.service, .pod])
    }
}
