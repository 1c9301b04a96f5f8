internal import Base
internal import Objects

/// What objects of a ``World`` look like.
extension World {
    static let nodeNames = ["here", "there", "yonder"]
    static let nodeAddresses = ["192.168.1.1", "192.168.1.2", "192.168.1.3"]
    private static let clusterIPs = ["10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.4", "192.168.1.2", "fd00:96::1"]
    private static let externalIPs = ["198.51.100.1", "198.51.100.2", "192.168.1.1", "127.0.0.1", "no address"]
    private static let podIPs = ["10.244.0.1", "10.244.0.2", "10.244.0.3"]
    private static let portNames = ["", "http", "dns"]
    private static let numbers: [UInt16] = [80, 81]
    private static let nodePorts: [UInt16] = [30_000, 30_001]

    func newObject(_ random: inout SeededRandom) -> ClusterObject {
        switch random.number(0..<20) {
        case 0..<12: .service(newService(&random))
        case 12..<16: .endpointSlice(newSlice(&random))
        case 16: .endpoints(newEndpoints(&random))
        case 17, 18: .pod(newPod(&random))
        default: .node(newNode(&random))
        }
    }

    private func serviceKey(_ random: inout SeededRandom) -> ObjectKey {
        let number = random.number(0..<size)
        return ObjectKey(namespace: number % 3 == 0 ? "a" : "b", name: "s\(number)")
    }

    private func newService(_ random: inout SeededRandom) -> Service {
        let key = serviceKey(&random)
        var spec = ServiceSpec()
        spec.type = random.one(of: [.clusterIP, .clusterIP, .nodePort, .loadBalancer, .loadBalancer])
        if random.seldom(20) { spec.type = .externalName }
        spec.selector = random.one(of: [[:], ["app": "x"], ["app": "x", "tier": "front"], ["tier": "front"]])
        spec.ports = random.some(of: Self.portNames, 0..<3).map { name in
            ServicePortSpec(
                name: name, transport: random.one(of: [.tcp, .tcp, .tcp, .udp, .udp, random.seldom(4) ? .sctp : .tcp]),
                port: random.one(of: Self.numbers), targetPort: random.one(of: [nil, .number(8080), .name("web")]),
                nodePort: random.one(of: [nil] + Self.nodePorts.map(Optional.some)))
        }
        spec.clusterIPs = random.some(of: Self.clusterIPs, 0..<3).map { .address(ip($0)) }
        if random.seldom(10) { spec.clusterIPs = [.none] }
        spec.externalIPs = random.some(of: Self.externalIPs, 0..<3)
        spec.internalTrafficPolicy = random.one(of: [.cluster, .cluster, .local])
        spec.externalTrafficPolicy = random.one(of: [.cluster, .local])
        spec.healthCheckNodePort = random.one(of: [nil, 32_000, 32_001])
        spec.publishNotReadyAddresses = random.seldom(5)
        var metadata = ObjectMeta(name: key.name, namespace: key.namespace)
        let time = Int64(random.number(0..<4))
        metadata.creationTimestamp = time == 0 ? nil : Timestamp(seconds: time)
        if random.seldom(15) { metadata.labels["service.kubernetes.io/service-proxy-name"] = "other" }
        if random.seldom(20) { metadata.labels[WellKnownLabel.headless] = "" }
        let ingress = random.some(of: ["198.51.100.1", "203.0.113.1"], 0..<2).map { LoadBalancerStatus.Ingress(ip: $0) }
        return Service(
            metadata: metadata, spec: spec, status: ServiceStatus(loadBalancer: LoadBalancerStatus(ingress: ingress)))
    }

    private func newSlice(_ random: inout SeededRandom) -> EndpointSlice {
        let owner = serviceKey(&random)
        // Mostly it stays with one Service.
        let name = random.seldom(5) ? "slice" : "\(owner.name)-\(random.number(0..<2))"
        var metadata = ObjectMeta(name: name, namespace: owner.namespace)
        if !random.seldom(15) { metadata.labels[WellKnownLabel.serviceName] = random.seldom(20) ? "" : owner.name }
        if random.seldom(10) { metadata.labels[WellKnownLabel.headless] = "" }
        let endpoints = random.some(of: Self.podIPs + Self.nodeAddresses + Self.clusterIPs + Self.externalIPs, 0..<6)
            .compactMap { text in
                IPAddress(text).map { address in
                    EndpointSlice.Endpoint(
                        address: random.seldom(20) ? nil : address, ready: random.one(of: [nil, true, false]),
                        serving: random.one(of: [nil, true, false]), terminating: random.one(of: [nil, nil, true]),
                        nodeName: random.one(of: [nil] + Self.nodeNames.map(Optional.some)),
                        zoneHints: random.some(of: ["east", "west"], 0..<3),
                        nodeHints: random.some(of: Self.nodeNames, 0..<2))
                }
            }
        let ports = random.some(of: Self.portNames, 0..<4).map { name in
            EndpointSlice.Port(
                name: name, transport: random.one(of: [.tcp, .tcp, .udp]),
                port: random.one(of: Self.numbers + Self.nodePorts + Self.nodePorts + [8080]))
        }
        return EndpointSlice(metadata: metadata, endpoints: endpoints, ports: ports)
    }

    private func newEndpoints(_ random: inout SeededRandom) -> Endpoints {
        let key = serviceKey(&random)
        func addresses(_ random: inout SeededRandom) -> [Endpoints.Address] {
            random.some(of: Self.podIPs + Self.clusterIPs, 0..<3).map {
                Endpoints.Address(ip: ip($0), nodeName: random.one(of: [nil, "here", "there"]))
            }
        }
        let subsets = (0..<random.number(0..<3)).map { _ in
            Endpoints.Subset(
                addresses: addresses(&random), notReadyAddresses: addresses(&random),
                ports: random.some(of: Self.portNames, 0..<3).map { name in
                    Endpoints.Port(name: name, port: random.one(of: Self.numbers + Self.nodePorts))
                })
        }
        var metadata = ObjectMeta(name: key.name, namespace: key.namespace)
        if random.seldom(10) { metadata.labels[WellKnownLabel.headless] = "" }
        return Endpoints(metadata: metadata, subsets: subsets)
    }

    private func newPod(_ random: inout SeededRandom) -> Pod {
        var labels: [String: String] = [:]
        if !random.seldom(4) { labels["app"] = random.one(of: ["x", "y"]) }
        if !random.seldom(3) { labels["tier"] = "front" }
        let ports = random.some(of: ["web", "other"], 0..<3).map { name in
            PodSpec.Port(name: name, containerPort: random.one(of: Self.numbers + Self.nodePorts))
        }
        return Pod(
            metadata: ObjectMeta(
                name: "p\(random.number(0..<4))", namespace: random.one(of: ["a", "b"]), labels: labels,
                deletionTimestamp: random.seldom(5) ? "2026-01-01T00:00:00Z" : nil),
            spec: PodSpec(
                nodeName: random.one(of: [nil] + Self.nodeNames.map(Optional.some)),
                containers: [.init(ports: ports)]),
            status: PodStatus(
                phase: random.one(of: [.running, .running, .running, .pending, .failed]),
                podIPs: random.some(of: Self.podIPs + Self.clusterIPs, 0..<3).map(ip),
                ready: random.one(of: [nil, true, true, false])))
    }

    private func newNode(_ random: inout SeededRandom) -> Node {
        let labels = random.one(of: [[:], [WellKnownLabel.zone: "east"], [WellKnownLabel.zone: "west"]])
        let addresses = random.some(of: Self.nodeAddresses + ["10.244.0.1"], 0..<3)
        return Node(
            metadata: ObjectMeta(name: random.one(of: Self.nodeNames), labels: labels),
            status: NodeStatus(addresses: addresses.map { .init(type: "InternalIP", address: $0) }))
    }
}
