public import Base
public import Objects

/// A Service without a cluster IP. There is nothing to proxy: its name stands for the addresses of its endpoints.
public struct HeadlessService: Hashable, Sendable {
    public var metadata: ObjectMeta
    /// As written, and in that order. A Service without any has one, with an empty name and number 0, whose endpoints have
    /// addresses that count and ports that do not.
    public var ports: [Port]

    public struct Port: Hashable, Sendable {
        public var name: String
        public var transport: TransportProtocol
        /// Those that are ready, in the order of their addresses; IPv4 first.
        public var endpoints: [ServiceEndpoint]

        public init(name: String = "", transport: TransportProtocol = .tcp, endpoints: [ServiceEndpoint] = []) {
            self.name = name
            self.transport = transport
            self.endpoints = endpoints
        }
    }

    public init(metadata: ObjectMeta, ports: [Port]) {
        self.metadata = metadata
        self.ports = ports
    }
}

extension ClusterState {
    /// The headless Services, which ``resolve(_:)`` leaves out, in the order of their names. Pure.
    public func headlessServices() -> [HeadlessService] {
        let headless = services.filter { $0.spec.isHeadless && $0.spec.type != .externalName }
        guard !headless.isEmpty else { return [] }
        let index = EndpointIndex(self, headless: true)
        // Whoever resolves the name is told of every endpoint: policies and topology are a proxy's business.
        let policy = SelectionPolicy(internalPolicy: .cluster, externalPolicy: .cluster, isExternallyReachable: false)
        return headless.sorted { $0.metadata.key < $1.metadata.key }.map { service in
            var collector = EndpointCollector(service: service, origin: index.origin(of: service), nodeName: nil)
            let specs = service.spec.ports.isEmpty ? [ServicePortSpec.absent] : service.spec.ports
            let ports = specs.map { spec in
                let selection = EndpointSelection(
                    collector.candidates(for: spec), policy: policy, place: TopologyPlace())
                return HeadlessService.Port(
                    name: spec.name, transport: spec.transport,
                    endpoints: selection.ipv4.cluster + selection.ipv6.cluster)
            }
            return HeadlessService(metadata: service.metadata, ports: ports)
        }
    }
}

extension ServicePortSpec {
    /// What stands for the ports of a Service that has none.
    static let absent = ServicePortSpec(port: 0)

    var isAbsent: Bool { port == 0 }
}
