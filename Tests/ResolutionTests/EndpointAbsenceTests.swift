import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@Suite("Why a service port has no endpoints, and pods that are played")
struct EndpointAbsenceTests {
    private func workload(
        _ name: String = "web", _ kind: ObjectKind = .deployment, replicas: Int = 1,
        labels: [String: String] = ["app": "web"], ports: [PodSpec.Port] = [], initPorts: [PodSpec.Port] = []
    ) -> Workload {
        let spec = PodSpec(containers: [.init(ports: ports)], initContainers: [.init(ports: initPorts)])
        return Workload(
            kind, metadata: ObjectMeta(name: name), replicas: replicas,
            template: PodTemplate(labels: labels, spec: spec))
    }

    private func web(_ target: IntOrString? = nil, selector: [String: String] = ["app": "web"]) -> Service {
        service(ports: [ServicePortSpec(port: 80, targetPort: target)]) { $0.selector = selector }
    }

    private func port(
        _ service: Service, _ workloads: [Workload] = [], pods: [Pod] = [], slices: [EndpointSlice] = [],
        endpoints: [Endpoints] = [], plays: Bool = false
    ) throws -> ServicePort {
        let state = ClusterState(
            services: [service], endpointSlices: slices, endpoints: endpoints, pods: pods, workloads: workloads)
        let context = ResolutionContext(servesUnassigned: true, explainsAbsence: true, playsPods: plays)
        return try #require(state.onlyPort(context))
    }

    private func reason(_ port: ServicePort) -> String { port.absence?.reason ?? "none" }

    private func players(_ port: ServicePort) -> [String] {
        port.endpoints.ipv4.cluster.map { "\($0.podName ?? "") \($0.address.port)\($0.isPlayed ? "" : " real")" }
    }

    // MARK: Why

    @Test("Workloads that would serve it")
    func workloads() throws {
        #expect(reason(try port(web(), [workload(replicas: 3)])) == "3 replicas of Deployment web would serve it")
        #expect(reason(try port(web(), [workload()])) == "1 replica of Deployment web would serve it")
        #expect(reason(try port(web(), [workload("a", .daemonSet)])) == "the pods of DaemonSet a would serve it")
        #expect(reason(try port(web(), [workload("a", .job)])) == "the pod of Job a would serve it")
        #expect(
            reason(try port(web(), [workload("b"), workload("a")]))
                == "1 replica of Deployment a and 1 other would serve it")
        let named = [PodSpec.Port(name: "http", containerPort: 8080)]
        #expect(
            reason(try port(web(.name("http")), [workload("a"), workload("b", ports: named)]))
                == "1 replica of Deployment b would serve it", "the other has no such port")
    }

    @Test("What cannot serve it as it is")
    func unable() throws {
        let idle = try port(web(), [workload(replicas: 0)])
        #expect(reason(idle) == "Deployment web is to have no pods" && idle.absence?.canBePlayed == false)
        let ports = [
            PodSpec.Port(name: "grpc", containerPort: 9090), PodSpec.Port(containerPort: 53, transport: .udp),
        ]
        let lacking = try port(web(.name("http")), [workload(ports: ports)])
        #expect(reason(lacking) == "Deployment web has no TCP port named http; it has grpc (9090), 53/udp")
        #expect(lacking.absence?.canBePlayed == false)
        let early = try port(web(.name("http")), [workload(initPorts: [.init(name: "http", containerPort: 1)])])
        #expect(reason(early) == "Deployment web has no TCP port named http", "that of a container that ends at once")
    }

    @Test("Nothing that describes pods")
    func nothing() throws {
        #expect(reason(try port(web(), [workload(labels: ["app": "other"])])) == "no pod has the labels app=web")
        let ofCluster = ResolutionContext(servesUnassigned: true, explainsAbsence: true, knowsPods: false)
        let unknown = try #require(ClusterState(services: [web()]).onlyPort(ofCluster))
        #expect(reason(unknown) == "there are no EndpointSlices of it yet", "of a cluster's pods nobody has asked")
        #expect(
            reason(try port(web(selector: [:])))
                == "it selects no pods, and nothing else names its endpoints")
    }

    @Test("Pods and endpoints that are there")
    func present() throws {
        #expect(reason(try port(web(), pods: [pod("p", [])])) == "pod p would serve it")
        #expect(reason(try port(web(), pods: [pod("p", []), pod("q", [])])) == "pod p and 1 more would serve it")
        #expect(reason(try port(web(), pods: [pod("p", ["10.0.0.1"], ready: false)])) == "its one pod is not ready")
        #expect(
            reason(try port(web(), pods: [pod("p", ["10.0.0.1"]) { $0.status.phase = .succeeded }]))
                == "its pods have ended")
        #expect(reason(try port(web(), slices: [slice([])])) == "its EndpointSlices have no endpoints")
        let wrong = slice(ports: [.init(name: "other", port: 1)], [endpoint("10.0.0.1")])
        #expect(reason(try port(web(), slices: [wrong])) == "its EndpointSlices have no such port")
        let waiting = slice(ports: [.init(name: "", port: 1)], [endpoint("10.0.0.1", .unready)])
        #expect(reason(try port(web(), slices: [waiting])) == "its one endpoint is not ready")
        #expect(
            reason(try port(web(), endpoints: [Endpoints(metadata: ObjectMeta(name: "web"))]))
                == "its Endpoints object has no endpoints")
        #expect(try port(web(), pods: [pod("p", ["10.0.0.1"])]).absence == nil)
    }

    // MARK: Playing

    @Test("Workloads get their pods, by number and by name of the port")
    func played() throws {
        #expect(
            players(try port(web(), [workload("db", .statefulSet, replicas: 2)], plays: true)) == [
                "db-0 80", "db-1 80",
            ])
        #expect(
            players(try port(web(.number(8080)), [workload("db", .statefulSet)], plays: true)) == ["db-0 8080"])
        let named = [PodSpec.Port(name: "http", containerPort: 9090)]
        #expect(
            players(
                try port(
                    web(.name("http")), [workload("a", .statefulSet, ports: named), workload("b", .statefulSet)],
                    plays: true)) == ["a-0 9090"])
    }

    @Test("A Service that nothing describes pods for gets one; one whose workload is to have none does not")
    func own() throws {
        #expect(players(try port(web(.name("http")), plays: true)) == ["web-demo 80"])
        #expect(players(try port(web(selector: [:]), plays: true)) == ["web-demo 80"])
        #expect(players(try port(web(), slices: [slice([])], plays: true)) == ["web-demo 80"])
        let idle = try port(web(), [workload(replicas: 0)], plays: true)
        #expect(players(idle).isEmpty && reason(idle) == "Deployment web is to have no pods")
    }

    @Test("Pods of a cluster are not joined by others, pods without an address are played")
    func real() throws {
        let replicas = [workload("db", .statefulSet, replicas: 3)]
        #expect(players(try port(web(), replicas, pods: [pod("p", ["10.0.0.1"])], plays: true)) == ["p 80 real"])
        #expect(players(try port(web(), pods: [pod("p", [], ready: nil)], plays: true)) == ["p 80"])
        #expect(
            players(
                try port(
                    web(), replicas, slices: [slice(ports: [.init(name: "", port: 8080)], [endpoint("10.0.0.1")])],
                    plays: true)) == [" 8080 real"])
    }

    @Test("A workload that comes, changes or goes matters to the Services that select its pods, and to no others")
    func changes() throws {
        var resolver = Resolver(
            ResolutionContext(servesUnassigned: true, explainsAbsence: true, playsPods: false))
        let other = service("other") { $0.selector = ["app": "other"] }
        _ = resolver.apply(ClusterState(services: [web(), other]).changes)
        func names(_ workload: Workload, isGone: Bool = false) -> [String] {
            let object = ClusterObject.workload(workload)
            return resolver.apply(isGone ? TestSupport.changes(gone: object) : TestSupport.changes(object)).map(\.name)
                .sorted()
        }
        #expect(names(workload()) == ["web"])
        #expect(names(workload()).isEmpty)
        #expect(names(workload(replicas: 3)) == ["web"], "it is told otherwise")
        #expect(names(workload(labels: ["app": "other"])) == ["other", "web"])
        #expect(names(workload(labels: ["app": "other"]), isGone: true) == ["other"])
    }
}
