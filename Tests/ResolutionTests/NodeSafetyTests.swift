import Balancing
import Base
import Cluster
import Objects
import Resolution
import TestSupport
import Testing

/// What a node refuses to dial and to capture, whoever asks for it.
@Suite("The safety of a node") struct NodeSafetyTests {
    private func resolve(
        _ services: [Service], _ slices: [EndpointSlice] = [], nodes: [Node] = [], _ safety: NodeSafety? = NodeSafety()
    ) -> Resolution {
        ClusterState(services: services, endpointSlices: slices, nodes: nodes)
            .resolve(ResolutionContext(nodeName: "here", safety: safety))
    }

    private func endpoints(_ resolution: Resolution, _ service: String = "web") -> [String] {
        resolution.ports.filter { $0.name.service == service }
            .flatMap { ($0.endpoints.ipv4.cluster + $0.endpoints.ipv6.cluster).map(\.address.description) }
    }

    private func refusals(_ resolution: Resolution) -> [String] {
        resolution.notes.filter { $0.level == .refusal }.map(\.description)
    }

    @Test(
        "Endpoints that mean this machine, its link or many machines are refused, and the others go on",
        arguments: [
            ("127.0.0.1", "a loopback address"), ("127.8.9.1", "a loopback address"),
            ("169.254.169.254", "a link-local address"), ("224.0.0.1", "a multicast address"),
            ("239.1.2.3", "a multicast address"), ("0.0.0.0", "an unspecified address"),
            ("0.1.2.3", "an unspecified address"), ("255.255.255.255", "the broadcast address"),
            ("::1", "a loopback address"), ("::", "an unspecified address"), ("fe80::1", "a link-local address"),
            ("ff02::1", "a multicast address"), ("::ffff:127.0.0.1", "a loopback address"),
        ])
    func specialEndpoints(_ address: String, _ kind: String) {
        let isIPv4 = ip(address).family == .ipv4
        let other = isIPv4 ? "10.244.0.5" : "fd00:244::5"
        let slices = [slice(type: isIPv4 ? .ipv4 : .ipv6, [endpoint(address), endpoint(other)])]
        let resolution = resolve([service()], slices)
        let shown = { (text: String) in "\(EndpointAddress(ip: ip(text), port: 8080))" }
        #expect(endpoints(resolution) == [shown(other)])
        #expect(
            refusals(resolution) == [
                "Service default/web: port http: endpoint \(shown(address)) is refused: it is \(kind)"
            ])
        // On a developer's machine its owner knows what he does.
        #expect(endpoints(resolve([service()], slices, nil)).count == 2)
    }

    @Test(
        "The edges of what is refused are let through",
        arguments: [
            "126.255.255.255", "128.0.0.1", "169.253.255.255",
            "169.255.0.0", "223.255.255.255", "1.0.0.0", "255.255.255.254", "10.0.0.1", "fec0::1", "fd00::1", "::2",
        ])
    func ordinaryEndpoints(_ address: String) {
        let type: EndpointSlice.AddressType = ip(address).family == .ipv4 ? .ipv4 : .ipv6
        let resolution = resolve([service()], [slice(type: type, [endpoint(address)])])
        #expect(endpoints(resolution).count == 1 && refusals(resolution).isEmpty)
    }

    @Test("What leads to the proxy's own API server is captured for nobody, and all else of that Service is")
    func ownServer() {
        let server = EndpointAddress(ip: ip("192.0.2.1"), port: 6443)
        var safety = NodeSafety(addresses: [ip("192.168.1.5")], apiServer: server)
        let thief = service(
            "thief",
            ports: [
                ServicePortSpec(name: "api", port: 6443), ServicePortSpec(name: "dns", transport: .udp, port: 6443),
                ServicePortSpec(name: "http", port: 80),
            ],
            clusterIPs: ["10.96.0.2"], status: [.init(ip: "192.0.2.1")]
        ) { $0.externalIPs = ["192.0.2.1", "192.0.2.2"] }
        var resolver = Resolver(ResolutionContext(nodeName: "here", safety: safety))
        _ = resolver.apply(ClusterState(services: [thief]).changes)
        #expect(
            refusals(resolver.resolution) == [
                "Service default/thief: port api: external IP 192.0.2.1 with port 6443/TCP is refused: it is this proxy's own way "
                    + "to its API server",
                "Service default/thief: port api: load-balancer IP 192.0.2.1 with port 6443/TCP is refused: it is this proxy's "
                    + "own way to its API server",
            ])
        let ports = Dictionary(uniqueKeysWithValues: resolver.resolution.ports.map { ($0.name.port, $0) })
        #expect(ports["api"]?.externalIPs == [ip("192.0.2.2")] && ports["api"]?.loadBalancerIPs == [])
        #expect(ports["api"]?.clusterIPs == [ip("10.96.0.2")])
        #expect(ports["dns"]?.externalIPs.count == 2 && ports["http"]?.externalIPs.count == 2)
        #expect(!resolver.memory.holders.keys.contains(.address(server, .tcp)))
        // An endpoint there is an endpoint: so it is of the Service `kubernetes`.
        let slices = [slice(ports: [.init(name: "http", port: 6443)], [endpoint("192.0.2.1")])]
        #expect(endpoints(resolve([service(), thief], slices, safety)) == ["192.0.2.1:6443"])
        // A node's new address takes nothing away from it.
        safety.addresses = [ip("192.168.1.6")]
        #expect(resolver.update(ResolutionContext(nodeName: "here", safety: safety)).isEmpty)
        #expect(refusals(resolver.resolution).count == 2)
    }

    @Test("The API server's address as a cluster IP is refused as well")
    func ownServerAsClusterIP() {
        let safety = NodeSafety(apiServer: EndpointAddress(ip: ip("10.96.0.1"), port: 443))
        let web = service("kubernetes", ports: [ServicePortSpec(name: "https", port: 443)], clusterIPs: ["10.96.0.1"])
        let resolution = resolve([web], [], safety)
        #expect(resolution.ports.map(\.clusterIPs) == [[]])
        #expect(refusals(resolution).count == 1)
    }

    @Test(
        "An endpoint that is a portal would lead back to the proxy: its own Service's, another's, a node port of any node"
    )
    func loops() {
        let node = Node(
            metadata: ObjectMeta(name: "there"),
            status: NodeStatus(addresses: [.init(type: "InternalIP", address: "192.168.1.9")]))
        let other = service(
            "other", ports: [ServicePortSpec(port: 8080, nodePort: 30_080)], clusterIPs: ["10.96.0.2"],
            status: [.init(ip: "203.0.113.1")]
        ) { $0.externalIPs = ["198.51.100.1"] }
        let web = service(ports: [ServicePortSpec(name: "http", port: 8080)])
        func slices(_ port: UInt16, _ addresses: String...) -> [EndpointSlice] {
            [slice(ports: [.init(name: "http", port: port)], addresses.map { endpoint($0) })]
        }
        let safety = NodeSafety(addresses: [ip("192.168.1.5")])
        let portals = slices(
            8080, "10.96.0.1", "10.96.0.2", "198.51.100.1", "203.0.113.1", "192.168.1.5", "10.244.0.5")
        let resolution = resolve([web, other], portals, nodes: [node], safety)
        // What runs in the network of a node is at an address of the node.
        #expect(endpoints(resolution) == ["10.244.0.5:8080", "192.168.1.5:8080"])
        #expect(
            refusals(resolution)
                == [
                    "10.96.0.1:8080 is refused: it is an address of Service default/web",
                    "10.96.0.2:8080 is refused: it is an address of Service default/other",
                    "198.51.100.1:8080 is refused: it is an address of Service default/other",
                    "203.0.113.1:8080 is refused: it is an address of Service default/other",
                ].map { "Service default/web: port http: endpoint \($0), and would lead back to the proxy" })
        let nodePorts = resolve(
            [web, other], slices(30_080, "192.168.1.5", "192.168.1.9", "192.168.1.7"), nodes: [node], safety)
        #expect(endpoints(nodePorts) == ["192.168.1.7:30080"])
        // Over the other transport, and at another port, there is nothing.
        let datagrams = service(ports: [ServicePortSpec(name: "http", transport: .udp, port: 8080)])
        let udp = [
            slice(ports: [.init(name: "http", transport: .udp, port: 8080)], [endpoint("10.96.0.2")])
        ]
        #expect(endpoints(resolve([datagrams, other], udp)) == ["10.96.0.2:8080"])
        #expect(endpoints(resolve([web, other], slices(81, "10.96.0.2"))) == ["10.96.0.2:81"])
    }

    @Test("What rules in force still lead to the proxy is refused, too")
    func formerPortals() {
        let web = [ClusterObject.service(service()), .endpointSlice(slice([endpoint("10.96.0.2")]))]
        var memory = Resolver.Memory()
        for former in [
            [:], [PortalAddress.address(EndpointAddress(ip: ip("10.96.0.2"), port: 8080), .tcp): key("gone")],
        ] {
            memory.former = former
            var resolver = Resolver(ResolutionContext(nodeName: "here", safety: NodeSafety()), remembering: memory)
            var changes = ObjectChanges()
            for object in web { changes.update(object) }
            _ = resolver.apply(changes)
            #expect(endpoints(resolver.resolution) == (former.isEmpty ? ["10.96.0.2:8080"] : []))
            #expect(refusals(resolver.resolution).count == former.count)
        }
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "default", name: name) }

    @Test("Cluster IPs that are special or a node's are refused; external addresses may be a node's")
    func clusterIPs() {
        let node = Node(
            metadata: ObjectMeta(name: "there"),
            status: NodeStatus(addresses: [.init(type: "InternalIP", address: "192.168.1.9")]))
        let safety = NodeSafety(addresses: [ip("192.168.1.5"), ip("fd00::5")])
        for (address, kind) in [
            ("127.0.0.1", "a loopback address"), ("169.254.169.254", "a link-local address"),
            ("224.0.0.251", "a multicast address"), ("0.0.0.0", "an unspecified address"),
            ("192.168.1.5", "an address of a node"), ("192.168.1.9", "an address of a node"),
            ("::1", "a loopback address"), ("fd00::5", "an address of a node"), ("fe80::1", "a link-local address"),
        ] {
            // The cluster IP of the other family goes on.
            let other = ip(address).family == .ipv4 ? "fd00:96::1" : "10.96.0.1"
            let resolution = resolve([service(clusterIPs: [address, other])], [], nodes: [node], safety)
            #expect(resolution.ports.flatMap(\.clusterIPs) == [ip(other)], "\(address)")
            #expect(
                refusals(resolution) == ["Service default/web: cluster IP \(ip(address)) is refused: it is \(kind)"])
        }
        let external = service(status: [.init(ip: "192.168.1.5"), .init(ip: "127.0.0.1")]) {
            $0.externalIPs = ["192.168.1.5", "169.254.169.254"]
        }
        let resolution = resolve([external], [], safety)
        #expect(resolution.ports.flatMap(\.externalIPs) == [ip("192.168.1.5")])
        #expect(resolution.ports.flatMap(\.loadBalancerIPs) == [ip("192.168.1.5")])
        #expect(
            refusals(resolution) == [
                "Service default/web: external IP 169.254.169.254 is refused: it is a link-local address",
                "Service default/web: load-balancer IP 127.0.0.1 is refused: it is a loopback address",
            ])
    }

    @Test("External IPs outside the ranges that are allowed are refused; a load balancer's are a controller's to give")
    func externalIPs() throws {
        let web = service(status: [.init(ip: "198.51.100.1")]) {
            $0.externalIPs = ["203.0.113.7", "198.51.100.1", "8.8.8.8", "2001:db8::7", "fd00::7"]
        }
        func served(_ ranges: String...) -> Resolution {
            resolve([web], [], NodeSafety(allowedExternalIPs: ranges.compactMap { IPPrefix($0) }))
        }
        #expect(resolve([web]).ports.flatMap(\.externalIPs).count == 5, "unless somebody says otherwise")
        let some = served("203.0.113.0/24", "2001:db8::/32")
        #expect(some.ports.flatMap(\.externalIPs) == [ip("203.0.113.7"), ip("2001:db8::7")])
        #expect(some.ports.flatMap(\.loadBalancerIPs) == [ip("198.51.100.1")])
        #expect(
            refusals(some)
                == ["198.51.100.1", "8.8.8.8", "fd00::7"].map {
                    "Service default/web: external IP \($0) is refused: it is outside --allowed-external-ips"
                })
        #expect(served().ports.flatMap(\.externalIPs) == [], "none is none")
        #expect(served("0.0.0.0/0", "::/0").ports.flatMap(\.externalIPs).count == 5)
        let special = service { $0.externalIPs = ["127.0.0.1"] }
        #expect(
            resolve([special], [], NodeSafety(allowedExternalIPs: [try #require(IPPrefix("127.0.0.0/8"))])).ports
                .flatMap(
                    \.externalIPs) == [], "what no Service may have is not for anybody to allow")
    }

    @Test("A Service does not keep an address from others that it may not have, and gets it with the next context")
    func refusedExternalIPIsNoClaim() throws {
        let old = service("old", clusterIPs: ["10.96.0.2"]) { $0.externalIPs = ["8.8.8.8"] }
        let web = service("web", status: [.init(ip: "8.8.8.8")])
        let safety = NodeSafety(allowedExternalIPs: [])
        let resolution = resolve([old, web], [], safety)
        #expect(resolution.ports.flatMap(\.loadBalancerIPs) == [ip("8.8.8.8")])
        #expect(resolution.notes.filter { $0.level == .warning } == [])
        var resolver = Resolver(ResolutionContext(nodeName: "here", safety: safety))
        var changes = ObjectChanges()
        changes.update(.service(old))
        _ = resolver.apply(changes)
        #expect(resolver.resolution.ports.flatMap(\.externalIPs) == [])
        var context = resolver.context
        context.safety?.allowedExternalIPs = [try #require(IPPrefix("8.8.8.0/24"))]
        #expect(resolver.update(context) == [key("old")])
        #expect(resolver.resolution.ports.flatMap(\.externalIPs) == [ip("8.8.8.8")])
    }
}
