import Base
import Documents
import Testing

@testable import Objects

@Suite("Workloads, and the pods that are played for them")
struct WorkloadTests {
    private func workload(_ kind: ObjectKind, _ spec: String, name: String = "cart") throws -> Workload {
        let tree = try DocumentTree.read(Array("{metadata: {name: \(name), namespace: shop}, spec: {\(spec)}}".utf8))
        let root = try #require(tree.root)
        return try Workload(kind, from: TreeDecoder(document: .init(tree), node: root))
    }

    private let template =
        "template: {metadata: {labels: {app: cart}}, spec: {containers: [{ports: [{name: http, containerPort: 80}]}]}}"

    @Test(
        "How many pods each kind wants",
        arguments: [
            (ObjectKind.deployment, "", 1), (.deployment, "replicas: 3", 3), (.deployment, "replicas: 0", 0),
            (.deployment, "replicas: null", 1), (.statefulSet, "replicas: 2", 2), (.replicaSet, "replicas: 2", 2),
            (.daemonSet, "replicas: 7", 1), (.job, "", 1), (.job, "parallelism: 4", 4),
            (.job, "parallelism: 4, completions: 2", 2), (.job, "completions: 5", 1),
        ])
    func replicas(_ kind: ObjectKind, _ spec: String, _ count: Int) throws {
        #expect(try workload(kind, spec).replicas == count)
    }

    @Test("What is read, and what is not there")
    func decoding() throws {
        let full = try workload(.statefulSet, "serviceName: peers, selector: {matchLabels: {app: cart}}, \(template)")
        #expect(full.selector == PodSelector(matchLabels: ["app": "cart"]) && full.serviceName == "peers")
        #expect(full.template.labels == ["app": "cart"])
        #expect(full.template.spec.containerPort(named: "http", transport: .tcp) == 80)
        let bare = try workload(.deployment, "")
        #expect(bare.template == PodTemplate() && bare.selector == nil)
        #expect(throws: DecodingError.self) { try workload(.deployment, "replicas: -1") }
        #expect(throws: DecodingError.self) { try workload(.deployment, "template: {metadata: {labels: {a: 1}}}") }
    }

    @Test("Pods have the same names and addresses in every run, apart from all others")
    func names() throws {
        let cart = try workload(.deployment, "replicas: 3, \(template)")
        let pods = PlayedPods.of(cart)
        #expect(pods.map(\.metadata.name) == ["cart-8443e-0", "cart-8443e-1", "cart-8443e-2"])
        #expect(pods == PlayedPods.of(cart))
        #expect(Set(pods.flatMap(\.status.podIPs)).count == 3)
        #expect(
            pods.allSatisfy { $0.isReady && $0.metadata.labels == ["app": "cart"] && $0.metadata.namespace == "shop" })
        #expect(
            pods.flatMap(\.status.podIPs).allSatisfy { "\($0)".hasPrefix("198.18.") || "\($0)".hasPrefix("198.19.") })
        var edited = cart
        edited.template.labels["version"] = "2"
        #expect(PlayedPods.of(edited).map(\.metadata.name) == pods.map(\.metadata.name))
        let other = try workload(.daemonSet, template)
        #expect(PlayedPods.of(other).map(\.metadata.name) != [pods[0].metadata.name])
    }

    @Test("Pods of a StatefulSet have names of their own below its Service")
    func statefulSet() throws {
        let pods = PlayedPods.of(try workload(.statefulSet, "replicas: 2, serviceName: peers, \(template)"))
        #expect(pods.map(\.metadata.name) == ["cart-0", "cart-1"])
        #expect(pods.map(\.spec.hostname) == ["cart-0", "cart-1"] && pods.allSatisfy { $0.spec.subdomain == "peers" })
    }

    @Test("Nobody plays a thousand pods, and none for nobody")
    func limits() throws {
        #expect(PlayedPods.of(try workload(.deployment, "replicas: 1000")).count == PlayedPods.most)
        #expect(PlayedPods.of(try workload(.deployment, "replicas: 0")).isEmpty)
    }

    @Test("A pod without an address gets one; a Service that nobody describes pods for gets a pod with its ports")
    func others() {
        let pod = Pod(metadata: ObjectMeta(name: "web"), status: PodStatus(phase: .pending))
        let played = PlayedPods.of(pod)
        #expect(played.isReady && played.status.podIPs.count == 1 && played.metadata == pod.metadata)
        let service = Service(
            metadata: ObjectMeta(name: "prometheus"),
            spec: ServiceSpec(ports: [
                ServicePortSpec(name: "web", port: 9090, targetPort: .name("web")),
                ServicePortSpec(name: "dns", transport: .udp, port: 53, targetPort: .number(5353)),
            ]))
        let own = PlayedPods.of(service)
        #expect(own.metadata.name == "prometheus-demo" && own.isReady)
        #expect(own.spec.containerPort(named: "web", transport: .tcp) == 9090)
    }
}
