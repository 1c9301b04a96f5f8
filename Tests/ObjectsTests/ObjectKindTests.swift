import Testing

@testable import Objects

@Suite("Kinds of objects")
struct ObjectKindTests {
    @Test(
        "Each with the words of a manifest",
        arguments: [
            (ObjectKind.service, "Service", "v1"), (.endpointSlice, "EndpointSlice", "discovery.k8s.io/v1"),
            (.endpoints, "Endpoints", "v1"), (.pod, "Pod", "v1"), (.node, "Node", "v1"),
            (.deployment, "Deployment", "apps/v1"), (.statefulSet, "StatefulSet", "apps/v1"),
            (.daemonSet, "DaemonSet", "apps/v1"), (.replicaSet, "ReplicaSet", "apps/v1"), (.job, "Job", "batch/v1"),
        ])
    func words(_ kind: ObjectKind, _ word: String, _ version: String) {
        #expect(ObjectKind(rawValue: word) == kind)
        #expect(kind.apiVersion == version)
    }

    @Test(
        "Other kinds, and words in another case, are none",
        arguments: ["", "service", "Services", "List", "Ingress", "CronJob"])
    func others(_ word: String) { #expect(ObjectKind(rawValue: word) == nil) }

    @Test("Only nodes are in no namespace")
    func namespaces() {
        #expect(ObjectKind.allCases.filter { !$0.isNamespaced } == [.node])
    }

    @Test("Each has its own place, in the order in which they are listed")
    func order() {
        #expect(ObjectKind.allCases.map(\.order) == Array(0..<10))
        #expect(ObjectKind.allCases.filter(\.isWorkload).map(\.order) == Array(5..<10))
    }

    @Test("An object is read as the kind that it is known to be", arguments: ObjectKind.allCases)
    func decoding(_ kind: ObjectKind) throws {
        /// All kinds are read from the same text.
        struct EachKind: Decodable {
            var objects: [ClusterObject] = []

            init(from decoder: any Decoder) throws {
                objects = try ObjectKind.allCases.map { try ClusterObject($0, from: decoder) }
            }
        }
        let objects = try read(EachKind.self, "{metadata: {name: web, namespace: shop}, spec: {}, addressType: IPv4}")
            .objects
        let object = objects[Int(kind.order)]
        #expect(object.id == ObjectID(kind, ObjectKey(namespace: "shop", name: "web")))
        #expect("\(object.id)" == (kind == .node ? "Node web" : "\(kind.rawValue) shop/web"))
    }

    @Test("Keys are in order of namespaces first, as text")
    func keys() {
        let sorted = [("a", "z"), ("a-b", "a"), ("ab", "a"), ("ab", "a-1"), ("ab", "a10"), ("ab", "a2")]
            .map { ObjectKey(namespace: $0.0, name: $0.1) }
        #expect(sorted.shuffled().sorted() == sorted)
        #expect(sorted.map(\.description).first == "a/z")
    }
}
