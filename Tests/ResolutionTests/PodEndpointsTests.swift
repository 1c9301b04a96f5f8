import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@Suite("Endpoints computed from pods")
struct PodEndpointsTests {
    private func resolve(
        _ pods: [Pod], ports: [ServicePortSpec] = [ServicePortSpec(name: "http", port: 80)],
        edit: (inout ServiceSpec) -> Void = { _ in }
    ) -> Resolution {
        let web = service(ports: ports) {
            $0.selector = ["app": "web", "tier": "front"]
            edit(&$0)
        }
        return ClusterState(services: [web], pods: pods).resolve(ResolutionContext(nodeName: "here"))
    }

    private func chosen(_ resolution: Resolution) -> [String] {
        resolution.ports.first?.endpoints.ipv4.clusterText ?? []
    }

    private let labels = ["app": "web", "tier": "front"]

    @Test("All labels of the selector must match, in the same namespace")
    func selector() {
        let elsewhere = pod("d", ["10.0.0.4"], labels: labels) { $0.metadata.namespace = "other" }
        let pods = [
            pod("a", ["10.0.0.1"], labels: labels), pod("b", ["10.0.0.2"], labels: ["app": "web"]),
            pod("c", ["10.0.0.3"], labels: ["app": "web", "tier": "back"]), elsewhere,
        ]
        #expect(chosen(resolve(pods)) == ["10.0.0.1:80"])
    }

    @Test("A service without selector takes no pods")
    func noSelector() {
        #expect(chosen(resolve([pod("a", ["10.0.0.1"], labels: labels)]) { $0.selector = [:] }).isEmpty)
    }

    struct ReadinessCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var ready: Bool?
        var phase: PodStatus.Phase?
        var deleted = false
        var publishNotReady = false
        var isUsed: Bool
    }

    @Test(
        "Readiness",
        arguments: [
            ReadinessCase(testDescription: "ready", ready: true, phase: .running, isUsed: true),
            ReadinessCase(testDescription: "not ready", ready: false, phase: .running, isUsed: false),
            ReadinessCase(testDescription: "hand-written, no status but an address", isUsed: true),
            ReadinessCase(testDescription: "hand-written with phase Running", phase: .running, isUsed: true),
            ReadinessCase(testDescription: "pending", phase: .pending, isUsed: false),
            ReadinessCase(testDescription: "succeeded", ready: true, phase: .succeeded, isUsed: false),
            ReadinessCase(testDescription: "failed", phase: .failed, publishNotReady: true, isUsed: false),
            ReadinessCase(
                testDescription: "E12 not ready but published", ready: false, phase: .running, publishNotReady: true,
                isUsed: true),
            ReadinessCase(
                testDescription: "E12 terminating and published", ready: false, phase: .running, deleted: true,
                publishNotReady: true, isUsed: true),
            ReadinessCase(
                testDescription: "terminating and no longer serving", ready: false, phase: .running, deleted: true,
                isUsed: false),
        ])
    func readiness(_ row: ReadinessCase) {
        let pod = pod("a", ["10.0.0.1"], labels: labels) {
            $0.status = PodStatus(phase: row.phase, podIPs: [ip("10.0.0.1")], ready: row.ready)
            $0.metadata.deletionTimestamp = row.deleted ? "2026-01-01T00:00:00Z" : nil
        }
        let used = !chosen(resolve([pod]) { $0.publishNotReadyAddresses = row.publishNotReady }).isEmpty
        #expect(used == row.isUsed)
    }

    @Test("A terminating pod that still serves is the last resort")
    func terminating() {
        let old = pod("old", ["10.0.0.1"], labels: labels) { $0.metadata.deletionTimestamp = "2026-01-01T00:00:00Z" }
        let new = pod("new", ["10.0.0.2"], labels: labels)
        #expect(chosen(resolve([old, new])) == ["10.0.0.2:80"])
        #expect(chosen(resolve([old])) == ["10.0.0.1:80"])
    }

    @Test("A named target port is another number in each pod; sidecars count")
    func namedPorts() throws {
        let first = pod("a", ["10.0.0.1"], labels: labels, ports: [.init(name: "web", containerPort: 8080)])
        let second = pod("b", ["10.0.0.2"], labels: labels, ports: [.init(name: "web", containerPort: 9090)])
        let sidecar = pod("c", ["10.0.0.3"], labels: labels) {
            $0.spec.initContainers = [
                .init(ports: [.init(name: "web", containerPort: 1)]),
                .init(ports: [.init(name: "web", containerPort: 7070)], restartPolicy: "Always"),
            ]
        }
        let without = pod(
            "d", ["10.0.0.4"], labels: labels, ports: [.init(name: "web", containerPort: 5, transport: .udp)])
        let port = ServicePortSpec(name: "http", port: 80, targetPort: .name("web"))
        let resolution = resolve([first, second, sidecar, without], ports: [port])
        #expect(chosen(resolution) == ["10.0.0.1:8080", "10.0.0.2:9090", "10.0.0.3:7070"])
        #expect(resolution.notes.map(\.text) == ["port http: pod d has no TCP port web"])
    }

    @Test("A numbered target port, and none at all")
    func numberedPorts() {
        let pods = [pod("a", ["10.0.0.1"], labels: labels)]
        #expect(
            chosen(resolve(pods, ports: [ServicePortSpec(port: 80, targetPort: .number(8080))])) == ["10.0.0.1:8080"])
        #expect(chosen(resolve(pods, ports: [ServicePortSpec(port: 80)])) == ["10.0.0.1:80"])
    }

    @Test("Dual-stack pods give the families that the service asks for")
    func dualStack() throws {
        let pods = [pod("a", ["10.0.0.1", "fd00::1"], labels: labels, node: "here")]
        let both = try #require(resolve(pods).ports.first?.endpoints)
        #expect(both.ipv6.clusterText == ["[fd00::1]:80"])
        #expect(both.ipv4.cluster.first?.podName == "a")
        #expect(both.ipv4.cluster.first?.isLocal == true)
        let single = try #require(resolve(pods) { $0.ipFamilies = [.ipv4] }.ports.first?.endpoints)
        #expect(single.ipv6.cluster.isEmpty)
    }
}
