import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@Suite struct HeadlessServiceTests {
    private func headless(_ name: String = "web", ports: [ServicePortSpec] = [.init(name: "http", port: 80)]) -> Service
    {
        service(name, ports: ports, clusterIPs: []) {
            $0.clusterIPs = [.none]
            $0.selector = ["app": "web"]
        }
    }

    private func text(_ state: ClusterState) -> [[String]] {
        state.headlessServices().flatMap(\.ports).map { port in
            port.endpoints.map { "\($0.hostname ?? $0.podName ?? "-") \($0.address)" }
        }
    }

    @Test func onlyHeadlessServicesAreListed() {
        let state = ClusterState(services: [
            service("a"), headless("c"), headless("b"), service("d", clusterIPs: []),
            service("e", clusterIPs: []) { ($0.clusterIPs, $0.type) = ([.none], .externalName) },
        ])
        #expect(state.headlessServices().map(\.key.name) == ["b", "c"])
    }

    @Test func slicesCountAlthoughTheyAreLabelledHeadless() {
        var named = endpoint("10.0.0.2")
        named.hostname = "db-0"
        let slice = slice(
            of: "web", labels: [WellKnownLabel.headless: ""],
            [endpoint("10.0.0.3", .unready), endpoint("10.0.0.1"), named])
        #expect(
            text(ClusterState(services: [headless()], endpointSlices: [slice])) == [
                ["- 10.0.0.1:8080", "db-0 10.0.0.2:8080"]
            ])
    }

    @Test func aTrafficPolicyMeansNothing() {
        var service = headless()
        service.spec.internalTrafficPolicy = .local
        let state = ClusterState(services: [service], endpointSlices: [slice([endpoint("10.0.0.1", node: "there")])])
        #expect(text(state) == [["- 10.0.0.1:8080"]])
    }

    @Test func podsHaveTheirHostNameBelowTheirSubdomainOnly() {
        let pods = ["web", "other", nil].enumerated().map { index, subdomain in
            pod("web-\(index)", ["10.0.0.\(index + 1)"]) { ($0.spec.hostname, $0.spec.subdomain) = ("host", subdomain) }
        }
        #expect(
            text(ClusterState(services: [headless()], pods: pods))
                == [["host 10.0.0.1:80", "web-1 10.0.0.2:80", "web-2 10.0.0.3:80"]])
    }

    @Test func aServiceWithoutPortsHasEndpointsAllTheSame() {
        let service = headless(ports: [])
        let pods = [pod("web-0", ["10.0.0.1", "fd00::1"])]
        #expect(text(ClusterState(services: [service], pods: pods)) == [["web-0 10.0.0.1:0", "web-0 [fd00::1]:0"]])
        let slices = [slice(of: "web", ports: [], [endpoint("10.0.0.2")])]
        #expect(text(ClusterState(services: [service], endpointSlices: slices)) == [["- 10.0.0.2:0"]])
        let object = Endpoints(
            metadata: ObjectMeta(name: "web"), subsets: [.init(addresses: [.init(ip: ip("10.0.0.3"), hostname: "a")])])
        #expect(text(ClusterState(services: [service], endpoints: [object])) == [["a 10.0.0.3:0"]])
    }
}
