import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@Suite("Which services are proxied")
struct ResolveServicesTests {
    private func notes(_ services: [Service], _ context: ResolutionContext = ResolutionContext()) -> [String] {
        ClusterState(services: services).resolve(context).notes.map(\.description)
    }

    @Test("Headless and ExternalName are skipped with a note")
    func skipped() {
        let headless = service("headless") { $0.clusterIPs = [.none] }
        // A cluster IP may linger after a change of type.
        let external = service("external") { $0.type = .externalName }
        let unassigned = service("unassigned", clusterIPs: [])
        let labelled = service("labelled", labels: [WellKnownLabel.headless: ""])
        let services = [headless, external, unassigned, labelled]
        #expect(ClusterState(services: services).resolve().ports.isEmpty)
        #expect(
            notes(services) == [
                "Service default/external: ExternalName, a matter for DNS, not proxied",
                "Service default/headless: headless, not proxied",
                "Service default/labelled: labelled service.kubernetes.io/headless, not proxied",
                "Service default/unassigned: no cluster IP yet, not proxied",
            ])
    }

    @Test("Hand-written services without a cluster IP are served where that is asked for")
    func unassigned() {
        let state = ClusterState(services: [service(clusterIPs: [])])
        #expect(state.resolve(ResolutionContext(servesUnassigned: true)).ports.map(\.clusterIPs) == [[]])
    }

    @Test("A service with a proxy name is for the proxy of that name")
    func proxyName() {
        let ours = service("ours")
        let theirs = service("theirs", labels: [WellKnownLabel.serviceProxyName: "other"])
        #expect(ClusterState(services: [ours, theirs]).resolve().ports.map(\.name.service) == ["ours"])
        #expect(notes([theirs]) == ["Service default/theirs: left to the proxy other"])
        let other = ResolutionContext(serviceProxyName: "other")
        #expect(ClusterState(services: [ours, theirs]).resolve(other).ports.map(\.name.service) == ["theirs"])
        #expect(notes([ours], other) == ["Service default/ours: not labelled for this proxy, not proxied"])
    }

    @Test("SCTP is skipped with one note while its siblings are served")
    func sctp() {
        let mixed = service(
            ports: [
                ServicePortSpec(name: "sctp", transport: .sctp, port: 7777), ServicePortSpec(name: "http", port: 80),
            ])
        let resolution = ClusterState(services: [mixed]).resolve()
        #expect(resolution.ports.map(\.name.port) == ["http"])
        #expect(
            resolution.notes == [
                ResolutionNote(
                    .warning, subject: "Service default/web", text: "port sctp: SCTP is not supported, not proxied")
            ])
    }

    @Test("One number for TCP and UDP is two service ports")
    func sameNumber() {
        let dns = service(
            ports: [
                ServicePortSpec(name: "dns-tcp", port: 53), ServicePortSpec(name: "dns", transport: .udp, port: 53),
            ])
        let ports = ClusterState(services: [dns]).resolve().ports
        #expect(ports.map(\.name.description) == ["default/web:dns", "default/web:dns-tcp"])
        #expect(ports.map(\.transport) == [.udp, .tcp])
    }

    @Test("LoadBalancer to ClusterIP drops the health check")
    func healthCheck() throws {
        var web = service(
            ports: [ServicePortSpec(name: "http", port: 80), ServicePortSpec(name: "https", port: 443)]
        ) {
            $0.type = .loadBalancer
            $0.externalTrafficPolicy = .local
            $0.healthCheckNodePort = 32100
            $0.ports[0].nodePort = 30080
            $0.ports[1].nodePort = 30443
        }
        let ports: [EndpointSlice.Port] = [.init(name: "http", port: 8080), .init(name: "https", port: 8443)]
        let endpoints = [
            endpoint("10.0.0.1", node: "here"), endpoint("10.0.0.2", .terminating, node: "here"),
            endpoint("10.0.0.3", node: "there"),
        ]
        var state = ClusterState(services: [web], endpointSlices: [slice(ports: ports, endpoints)])
        let context = ResolutionContext(nodeName: "here")
        // Distinct addresses over all ports, and none that is terminating.
        let check = ServiceHealthCheck(nodePort: 32100, localEndpoints: 1)
        #expect(state.resolve(context).ports.map(\.healthCheck) == [check, check])
        web.spec.type = .clusterIP
        state.services = [web]
        #expect(state.resolve(context).ports.map(\.healthCheck) == [nil, nil])
    }

    @Test("Ports added and removed are reflected; an equal state resolves equally")
    func updates() {
        let one = service("a")
        let two = service("a", ports: [ServicePortSpec(name: "http", port: 80), ServicePortSpec(name: "x", port: 81)])
        let before = ClusterState(services: [one]).resolve()
        let after = ClusterState(services: [two]).resolve()
        #expect(before.ports == ClusterState(services: [one]).resolve().ports)
        #expect(after.ports.map(\.port) == [80, 81])
        #expect(before.ports.first == after.ports.first)
    }

    @Test("An address with ipMode Proxy is not captured, with VIP or none it is")
    func ipMode() throws {
        let web = service(status: [
            .init(ip: "192.0.2.1"), .init(ip: "192.0.2.2", ipMode: "VIP"), .init(ip: "192.0.2.3", ipMode: "Proxy"),
            .init(hostname: "lb.example.com"), .init(ip: "192.0.2.4", ipMode: "Later"), .init(ip: "2001:db8::1"),
        ])
        let port = try #require(ClusterState(services: [web]).onlyPort())
        #expect(port.loadBalancerIPs.map(\.description) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"])
        #expect(port.isExternallyReachable)
    }

    @Test("Sloppy addresses are canonical, bad ones skipped with a note")
    func sloppyAddresses() throws {
        let web = service(clusterIPs: ["010.096.000.001"], status: [.init(ip: "one")]) {
            $0.externalIPs = ["001.002.003.004", "1.2.3.4", "1.2.3", "::ffff:1.2.3.5"]
            $0.loadBalancerSourceRanges = [" 10.0.0.0/8", "10.1.2.3/8 ", "nonsense", "fd00::/8"]
        }
        let resolution = ClusterState(services: [web]).resolve()
        let port = try #require(resolution.ports.first)
        #expect(port.clusterIPs.map(\.description) == ["10.96.0.1"])
        #expect(port.externalIPs.map(\.description) == ["1.2.3.4", "1.2.3.5"])
        #expect(port.sourceRanges(for: .ipv4).map(\.description) == ["10.0.0.0/8"])
        #expect(port.sourceRanges(for: .ipv6).map(\.description) == ["fd00::/8"])
        #expect(
            resolution.notes.map(\.text) == [
                "externalIPs: expected an IP address, found \"1.2.3\"; ignored",
                "status.loadBalancer.ingress: expected an IP address, found \"one\"; ignored",
                "loadBalancerSourceRanges: expected a range such as 10.0.0.0/8, found \"nonsense\"; ignored",
            ])
    }

    @Test("A range of length zero, or of the other family only, restricts nothing")
    func sourceRanges() throws {
        let open = service { $0.loadBalancerSourceRanges = ["10.0.0.0/8", "::/0"] }
        #expect(try #require(ClusterState(services: [open]).onlyPort()).sourceRanges(for: .ipv4).isEmpty)
        let six = service { $0.loadBalancerSourceRanges = ["fd00::/8"] }
        let port = try #require(ClusterState(services: [six]).onlyPort())
        #expect(port.sourceRanges(for: .ipv4).isEmpty)
        #expect(port.sourceRanges(for: .ipv6).count == 1)
    }

    @Test("Dual stack: one cluster IP per family")
    func dualStack() throws {
        let web = service(clusterIPs: ["fd00::1", "10.96.0.1", "10.96.0.2"])
        let port = try #require(ClusterState(services: [web]).onlyPort())
        #expect(port.clusterIPs.map(\.description) == ["fd00::1", "10.96.0.1"])
    }

    @Test("Affinity and policies are carried over")
    func settings() throws {
        let web = service {
            $0.clientIPAffinity = true
            $0.affinityTimeout = 100
            $0.internalTrafficPolicy = .local
        }
        let port = try #require(ClusterState(services: [web]).onlyPort())
        #expect(port.affinity == .clientIP(seconds: 100))
        #expect(port.internalTrafficPolicy == .local)
        #expect(!port.isExternallyReachable)
    }

    @Test("A bad annotation is noted and leaves the default")
    func annotations() throws {
        let web = service(annotations: [
            "portico.dev/balancing": "least-connections", "portico.dev/hold-seconds": "soon", "other.dev/x": "y",
        ])
        let resolution = ClusterState(services: [web]).resolve()
        #expect(resolution.ports.first?.options == ServiceOptions(balancing: .leastConnections))
        #expect(
            resolution.notes.map(\.description) == [
                "Service default/web: annotation portico.dev/hold-seconds: expected a number from 0 to 3600, found "
                    + "\"soon\"; ignored"
            ])
    }
}
