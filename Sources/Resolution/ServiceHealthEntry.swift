internal import Balancing

/// A Service with a `healthCheckNodePort`, and how many endpoints it has on this node.
public struct ServiceHealthEntry: Hashable, Sendable {
    public var namespace: String
    public var name: String
    /// Its `healthCheckNodePort`.
    public var nodePort: UInt16
    /// Ready endpoints on this node, by their IP addresses, each counted once over all ports of the Service.
    /// Terminating ones do not count, even while they serve.
    public var localEndpoints: Int

    public init(namespace: String, name: String, nodePort: UInt16, localEndpoints: Int) {
        self.namespace = namespace
        self.name = name
        self.nodePort = nodePort
        self.localEndpoints = localEndpoints
    }

    /// `namespace/name`.
    public var service: String { "\(namespace)/\(name)" }
}

extension Resolution {
    /// What load balancers ask this node about: one for each Service that wants it, since its ports share it.
    public var healthChecks: [ServiceHealthEntry] {
        var seen: Set<ServiceHealthEntry> = []
        return ports.compactMap { port in
            guard let check = port.healthCheck else { return nil }
            let entry = ServiceHealthEntry(
                namespace: port.name.namespace, name: port.name.service, nodePort: check.nodePort,
                localEndpoints: check.localEndpoints)
            return seen.insert(entry).inserted ? entry : nil
        }
    }
}
