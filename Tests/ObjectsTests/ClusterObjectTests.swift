import Objects
import TestSupport
import Testing

@Suite("What tells objects apart") struct ClusterObjectTests {
    private func id(_ kind: ObjectKind, _ namespace: String, _ name: String) -> ObjectID {
        ObjectID(kind, ObjectKey(namespace: namespace, name: name))
    }

    private let node = Node(metadata: ObjectMeta(name: "node-a", namespace: "shop"))

    @Test("Objects of two kinds, namespaces or names are two objects")
    func identity() {
        var elsewhere = service()
        elsewhere.metadata.namespace = "shop"
        let objects: [ClusterObject] = [
            .service(service()), .service(elsewhere), .service(service("api")), .endpointSlice(slice(name: "web", [])),
            .endpoints(Endpoints(metadata: ObjectMeta(name: "web"))), .pod(pod("web", [])), .node(node),
        ]
        #expect(
            objects.map(\.id.description) == [
                "Service default/web", "Service shop/web", "Service default/api", "EndpointSlice default/web",
                "Endpoints default/web", "Pod default/web", "Node node-a",
            ])
        #expect(Set(objects.map(\.id)).count == objects.count)
    }

    @Test("A Node is the same whatever namespace its metadata has")
    func nodes() {
        #expect(ClusterObject.node(node).id == id(.node, "", "node-a"))
        #expect(id(.node, "shop", "node-a").key.namespace.isEmpty)
        #expect(id(.node, "shop", "node-a") == id(.node, "", "node-a"))
        #expect(id(.node, "shop", "node-a").hashValue == id(.node, "", "node-a").hashValue)
    }

    @Test("They are in order of kind, namespace and name")
    func order() {
        let sorted = [
            id(.service, "z", "z"), id(.endpointSlice, "a", "z"), id(.endpointSlice, "b", "a"),
            id(.endpointSlice, "b", "b"), id(.endpoints, "a", "a"), id(.pod, "a", "a"), id(.node, "", "a"),
        ]
        #expect(sorted.reversed().sorted() == sorted)
    }
}
