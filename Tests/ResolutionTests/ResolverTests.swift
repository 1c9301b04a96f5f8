import Balancing
import Base
import Cluster
import Objects
import Resolution
import TestSupport
import Testing

/// What one change does, and to whom.
@Suite("Resolving what changed") struct ResolverTests {
    private func onNode(_ addresses: String..., zone: String? = nil) -> ResolutionContext {
        ResolutionContext(nodeName: "here", zone: zone, safety: NodeSafety(addresses: Set(addresses.map(ip))))
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "default", name: name) }

    /// A Service with a number of its own, so that it shares nothing with others.
    private func numbered(_ number: Int, edit: (inout ServiceSpec) -> Void = { _ in }) -> ClusterObject {
        .service(service("s\(number)", clusterIPs: ["10.96.\(number / 250).\(number % 250 + 1)"], edit: edit))
    }

    private func slices(of number: Int, _ state: EndpointCondition = .ready) -> ClusterObject {
        .endpointSlice(
            slice(
                of: "s\(number)",
                (0..<10).map { endpoint("10.\(100 + number / 250).\(number % 250).\($0)", $0 == 0 ? state : .ready) }))
    }

    private func addresses(_ resolver: Resolver, _ name: String) -> [String] {
        (resolver.services[key(name)]?.ports ?? []).flatMap { $0.endpoints.ipv4.cluster.map(\.address.description) }
    }

    private func notes(_ resolver: Resolver, _ name: String) -> [String] {
        (resolver.services[key(name)]?.notes ?? []).map(\.text)
    }

    // MARK: In proportion

    @Test("One change resolves one Service, however many there are", arguments: [10, 100, 1000])
    func proportion(count: Int) {
        var resolver = Resolver(onNode("192.168.1.1"))
        var all = ObjectChanges()
        for number in 0..<count {
            all.update(numbered(number) { $0.ports[0].nodePort = 30_000 + UInt16(number) })
            all.update(slices(of: number))
        }
        #expect(resolver.apply(all).count == count && resolver.lastResolved == count)
        #expect(resolver.apply(all).isEmpty && resolver.lastResolved == 0)

        #expect(resolver.apply(changes(slices(of: 3, .unready))) == [key("s3")])
        #expect(resolver.lastResolved == 1)
        #expect(resolver.apply(changes(numbered(count))) == [key("s\(count)")])
        #expect(resolver.lastResolved == 1)
        #expect(resolver.apply(changes(gone: numbered(count))) == [key("s\(count)")])
        #expect(resolver.lastResolved == 1)
        // A pod that nobody selects, and a node like any other.
        let node = Node(
            metadata: ObjectMeta(name: "there"),
            status: NodeStatus(addresses: [.init(type: "InternalIP", address: "192.168.1.2")]))
        #expect(resolver.apply(changes(.pod(pod("p", ["10.0.0.1"])), .node(node))).isEmpty)
        #expect(resolver.lastResolved == 0)
        #expect(resolver.update(onNode("192.168.1.1", "192.168.1.3")).isEmpty && resolver.lastResolved == 0)
        #expect(resolver.services.count == count)
    }

    @Test("What is told again without a difference is nobody's change")
    func noDifference() {
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(numbered(1), slices(of: 1)))
        var again = slices(of: 1)
        if case .endpointSlice(var slice) = again {
            slice.metadata.resourceVersion = "2"
            again = .endpointSlice(slice)
        }
        #expect(resolver.apply(changes(again)).isEmpty)
        #expect(resolver.lastResolved == 1)
    }

    // MARK: What only one can have

    @Test("The older Service has the node port; the other one is served without, and says who has it")
    func nodePort() {
        func web(_ name: String, _ address: String, madeAt seconds: Int64) -> ClusterObject {
            var web = service(name, clusterIPs: [address]) { $0.ports[0].nodePort = 30_080 }
            web.metadata.creationTimestamp = Timestamp(seconds: seconds)
            return .service(web)
        }
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(web("a", "10.96.0.1", madeAt: 2), web("b", "10.96.0.2", madeAt: 1)))
        #expect(resolver.services[key("b")]?.ports.map(\.nodePort) == [30_080])
        #expect(resolver.services[key("a")]?.ports.map(\.nodePort) == [nil])
        #expect(resolver.services[key("a")]?.ports.first?.isExternallyReachable == false)
        #expect(
            notes(resolver, "a") == [
                "port http: node port 30080/TCP belongs to Service default/b; not served there until that one gives it up"
            ])
        #expect(resolver.services[key("a")]?.notes.map(\.level) == [.warning])
        // An older one that comes later waits; it gets the port before the younger one.
        #expect(resolver.apply(changes(web("c", "10.96.0.3", madeAt: 0))) == [key("c")])
        #expect(resolver.services[key("b")]?.ports.map(\.nodePort) == [30_080])
        #expect(resolver.apply(changes(gone: web("b", "10.96.0.2", madeAt: 1))) == [key("a"), key("b"), key("c")])
        #expect(resolver.services[key("c")]?.ports.map(\.nodePort) == [30_080])
        #expect(notes(resolver, "a").first?.contains("Service default/c") == true && notes(resolver, "c").isEmpty)
        #expect(resolver.apply(changes(.service(service("c", clusterIPs: ["10.96.0.3"])))) == [key("a"), key("c")])
        #expect(resolver.services[key("a")]?.ports.map(\.nodePort) == [30_080] && notes(resolver, "a").isEmpty)
    }

    @Test("Addresses belong to one Service with their port and transport; others keep the rest of theirs")
    func addresses() {
        let web = service("a", clusterIPs: ["10.96.0.1"], status: [.init(ip: "203.0.113.1")]) {
            $0.externalIPs = ["198.51.100.1", "203.0.113.1"]
        }
        let other = service(
            "b",
            ports: [
                ServicePortSpec(name: "http", port: 80), ServicePortSpec(name: "quic", transport: .udp, port: 80),
                ServicePortSpec(name: "tls", port: 443),
            ], clusterIPs: ["10.96.0.1", "fd00::1"], status: [.init(ip: "198.51.100.1")]
        ) { $0.externalIPs = ["203.0.113.1", "203.0.113.2"] }
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(.service(web), .service(other)))
        // The same address twice is no quarrel in one Service.
        #expect(notes(resolver, "a").isEmpty)
        let ports = resolver.services[key("b")]?.ports ?? []
        #expect(ports.map(\.name.port) == ["http", "quic", "tls"])
        #expect(ports.map { $0.clusterIPs.count } == [1, 2, 2])
        #expect(ports.map { $0.externalIPs.count } == [1, 2, 2])
        #expect(ports.map { $0.loadBalancerIPs.count } == [0, 1, 1])
        let end = "with port 80/TCP belongs to Service default/a; not served there until that one gives it up"
        #expect(
            notes(resolver, "b") == [
                "port http: cluster IP 10.96.0.1 \(end)", "port http: external IP 203.0.113.1 \(end)",
                "port http: load-balancer IP 198.51.100.1 \(end)",
            ])
        // A developer's machine has an address for each.
        #expect(resolver.update(ResolutionContext(nodeName: "here")) == [key("b")])
        #expect(notes(resolver, "b").isEmpty)
        #expect(resolver.memory == Resolver.Memory())
    }

    @Test("Two ports of one Service cannot have one place either: the first one has it")
    func onePlaceTwice() {
        let ports = [
            ServicePortSpec(name: "z", port: 80, nodePort: 30_080), ServicePortSpec(name: "a", port: 80),
            ServicePortSpec(name: "b", port: 81, nodePort: 30_080),
        ]
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(.service(service(ports: ports))))
        #expect(resolver.services[key("web")]?.ports.map(\.clusterIPs.count) == [0, 1, 1])
        #expect(resolver.services[key("web")]?.ports.map(\.nodePort) == [nil, nil, 30_080])
        #expect(
            notes(resolver, "web") == [
                "port a: cluster IP 10.96.0.1 with port 80/TCP belongs to port z of this Service; not served there",
                "port b: node port 30080/TCP belongs to port z of this Service; not served there",
            ])
    }

    @Test("A health check node port belongs to one Service, if it is served at all")
    func healthCheck() {
        func balanced(_ name: String, _ address: String, type: ServiceType = .loadBalancer) -> ClusterObject {
            .service(
                service(name, clusterIPs: [address]) {
                    ($0.type, $0.externalTrafficPolicy, $0.healthCheckNodePort) = (type, .local, 32_000)
                })
        }
        func checks(_ resolver: Resolver) -> [UInt16?] {
            ["a", "b"].map { resolver.services[key($0)]?.ports.first?.healthCheck?.nodePort }
        }
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(balanced("a", "10.96.0.1"), balanced("b", "10.96.0.2")))
        #expect(checks(resolver) == [32_000, nil])
        #expect(
            notes(resolver, "b") == [
                "health check node port 32000 belongs to Service default/a; not served there until that one gives it up"
            ])
        #expect(resolver.apply(changes(balanced("a", "10.96.0.1", type: .nodePort))) == [key("a"), key("b")])
        #expect(checks(resolver) == [nil, 32_000])
    }

    @Test("A Service that is none of the proxy's business claims nothing")
    func noBusiness() {
        let web = service("b") { $0.ports[0].nodePort = 30_080 }
        for edit: (inout Service) -> Void in [
            { $0.metadata.labels[WellKnownLabel.serviceProxyName] = "other" }, { $0.spec.type = .externalName },
            { $0.metadata.labels[WellKnownLabel.headless] = "" },
        ] {
            var former = service("a") { $0.ports[0].nodePort = 30_080 }
            var resolver = Resolver(onNode())
            _ = resolver.apply(changes(.service(former), .service(web)))
            #expect(notes(resolver, "b").count == 2)
            edit(&former)
            #expect(resolver.apply(changes(.service(former))) == [key("a"), key("b")])
            #expect(resolver.services[key("b")]?.ports.map(\.nodePort) == [30_080] && notes(resolver, "b").isEmpty)
        }
    }

    @Test("Whoever begins anew and remembers who had what leaves it with them")
    func memory() {
        let objects = changes(
            .service(service("a")), .service(service("b")), .service(service("c", clusterIPs: ["10.96.0.2"])))
        var memory = Resolver.Memory()
        let place = PortalAddress.address(EndpointAddress(ip: ip("10.96.0.1"), port: 80), .tcp)
        memory.holders[place] = key("b")
        var resolver = Resolver(onNode(), remembering: memory)
        _ = resolver.apply(objects)
        #expect(resolver.memory.holders[place] == key("b"))
        // Who is gone has nothing.
        memory.holders[place] = key("gone")
        resolver = Resolver(onNode(), remembering: memory)
        _ = resolver.apply(objects)
        #expect(resolver.memory.holders[place] == key("a"))
    }

    // MARK: Endpoints that lead back

    @Test("An endpoint is refused once it becomes an address of a Service, and until no rule leads there any more")
    func portals() {
        let web = slice([endpoint("10.96.0.9"), endpoint("10.0.0.1")])
        let other = ClusterObject.service(
            service("other", ports: [ServicePortSpec(port: 8080)], clusterIPs: ["10.96.0.9"]))
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(.service(service()), .endpointSlice(web)))
        #expect(addresses(resolver, "web") == ["10.0.0.1:8080", "10.96.0.9:8080"])
        #expect(resolver.apply(changes(other)) == [key("other"), key("web")])
        #expect(addresses(resolver, "web") == ["10.0.0.1:8080"])
        let refusal =
            "port http: endpoint 10.96.0.9:8080 is refused: it is an address of Service default/other, "
            + "and would lead back to the proxy"
        #expect(notes(resolver, "web") == [refusal])

        let before = resolver.revision
        #expect(resolver.apply(changes(gone: other)) == [key("other")])
        #expect(notes(resolver, "web") == [refusal])
        // These rules were made before it was given up.
        #expect(resolver.rulesAreInForce(of: before).isEmpty && notes(resolver, "web") == [refusal])
        #expect(resolver.rulesAreInForce(of: resolver.revision) == [key("web")])
        #expect(addresses(resolver, "web") == ["10.0.0.1:8080", "10.96.0.9:8080"] && notes(resolver, "web").isEmpty)
        #expect(resolver.memory.former.isEmpty)
    }

    @Test("A portal that is given up and had again leads to its new Service, whatever the rules are")
    func portalThatMoves() {
        func other(_ name: String) -> ClusterObject {
            .service(service(name, ports: [ServicePortSpec(port: 8080)], clusterIPs: ["10.96.0.9"]))
        }
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(.service(service()), .endpointSlice(slice([endpoint("10.96.0.9")])), other("a")))
        #expect(notes(resolver, "web").first?.contains("Service default/a") == true)
        #expect(resolver.apply(changes(other("b"), gone: other("a"))) == [key("a"), key("b"), key("web")])
        #expect(notes(resolver, "web").first?.contains("Service default/b") == true)
        #expect(resolver.rulesAreInForce(of: resolver.revision).isEmpty)
        #expect(notes(resolver, "web").count == 1)
    }

    @Test("A node port leads back at the addresses of all nodes, as they come and go")
    func nodePorts() {
        let node = ClusterObject.node(
            Node(
                metadata: ObjectMeta(name: "there"),
                status: NodeStatus(addresses: [.init(type: "InternalIP", address: "192.168.1.2")])))
        let hosts = slice(
            ports: [.init(name: "http", port: 30_080)], ["192.168.1.1", "192.168.1.2"].map { endpoint($0) })
        let other = ClusterObject.service(service("other", clusterIPs: ["10.96.0.2"]) { $0.ports[0].nodePort = 30_080 })
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(.service(service()), .endpointSlice(hosts), other))
        #expect(addresses(resolver, "web").count == 2)
        #expect(resolver.apply(changes(node)) == [key("web")])
        #expect(addresses(resolver, "web") == ["192.168.1.1:30080"])
        #expect(resolver.update(onNode("192.168.1.1")) == [key("web")])
        #expect(addresses(resolver, "web").isEmpty && notes(resolver, "web").last?.contains("a node port of") == true)
        #expect(resolver.apply(changes(gone: node)) == [key("web")])
        #expect(resolver.apply(changes(gone: other)) == [key("other")])
        #expect(resolver.rulesAreInForce(of: resolver.revision) == [key("web")])
        #expect(addresses(resolver, "web").count == 2)
    }

    // MARK: Nodes

    @Test("A cluster IP that becomes a node's address is refused, and goes to nobody until it is none")
    func clusterIPs() {
        let node = ClusterObject.node(
            Node(
                metadata: ObjectMeta(name: "there"),
                status: NodeStatus(addresses: [.init(type: "InternalIP", address: "10.96.0.1")])))
        var resolver = Resolver(onNode())
        _ = resolver.apply(changes(.service(service()), numbered(9)))
        #expect(resolver.apply(changes(node)) == [key("web")])
        #expect(resolver.lastResolved == 1)
        #expect(notes(resolver, "web") == ["cluster IP 10.96.0.1 is refused: it is an address of a node"])
        #expect(resolver.memory.holders.values.sorted() == [key("s9")])
        #expect(resolver.apply(changes(gone: node)) == [key("web")])
        #expect(resolver.services[key("web")]?.ports.map(\.clusterIPs) == [[ip("10.96.0.1")]])
    }

    @Test("The zone of this node matters to Services with endpoints for zones, that of others to none")
    func zones() {
        func node(_ name: String, _ zone: String) -> ClusterObject {
            .node(Node(metadata: ObjectMeta(name: name, labels: [WellKnownLabel.zone: zone])))
        }
        let zoned = slice([endpoint("10.0.0.1", zones: ["east"]), endpoint("10.0.0.2", zones: ["west"])])
        var resolver = Resolver(ResolutionContext(nodeName: "here"))
        _ = resolver.apply(changes(.service(service()), .endpointSlice(zoned), numbered(1), slices(of: 1)))
        #expect(resolver.apply(changes(node("here", "east"))) == [key("web")] && resolver.lastResolved == 1)
        #expect(addresses(resolver, "web") == ["10.0.0.1:8080"])
        #expect(resolver.apply(changes(node("there", "west"))).isEmpty && resolver.lastResolved == 0)
        #expect(resolver.update(ResolutionContext(nodeName: "here", zone: "west")) == [key("web")])
        #expect(addresses(resolver, "web") == ["10.0.0.2:8080"])
        #expect(resolver.apply(changes(gone: node("here", ""))).isEmpty && resolver.lastResolved == 0)
    }

    @Test("With another name of the node everything is resolved, and what differs is told")
    func nodeName() {
        let local = slice([endpoint("10.0.0.1", node: "here"), endpoint("10.0.0.2", node: "there")])
        let web = service { $0.internalTrafficPolicy = .local }
        var resolver = Resolver(ResolutionContext(nodeName: "here"))
        _ = resolver.apply(changes(.service(web), .endpointSlice(local), numbered(1)))
        #expect(resolver.update(ResolutionContext(nodeName: "there")) == [key("web")])
        #expect(resolver.lastResolved == 2)
        #expect(
            resolver.services[key("web")]?.ports.first?.endpoints.ipv4.localText == ["10.0.0.2:8080"])
    }

    // MARK: Headless Services

    @Test("The endpoints of headless Services are resolved for those who ask")
    func headless() {
        let headless = ClusterObject.service(service(clusterIPs: []) { $0.clusterIPs = [.none] })
        var resolver = Resolver()
        _ = resolver.apply(changes(headless, .endpointSlice(slice([endpoint("10.0.0.1")]))))
        #expect(resolver.services[key("web")]?.headless == nil)
        #expect(resolver.update(ResolutionContext(resolvesHeadless: true)) == [key("web")])
        #expect(resolver.services[key("web")]?.headless?.map { $0.endpoints.count } == [1])
        #expect(resolver.services[key("web")]?.ports.isEmpty == true)
        #expect(resolver.apply(changes(.endpointSlice(slice([])))) == [key("web")])
        #expect(resolver.services[key("web")]?.headless?.map { $0.endpoints.count } == [0])
    }
}
