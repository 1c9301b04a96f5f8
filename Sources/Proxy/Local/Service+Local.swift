internal import Balancing
internal import Base
internal import Objects
internal import Resolution

extension Service {
    /// The ports of a Service that is served nowhere by itself, for processes that are to serve it: a headless one,
    /// whose endpoints serve it as long as no process does, or one that is a name of something outside.
    func ports(for targets: [LocalTarget], headless: [HeadlessPort]) -> [ServicePort] {
        guard !targets.isEmpty else { return [] }
        func name(_ port: String) -> ServicePortName {
            ServicePortName(namespace: metadata.namespace, service: metadata.name, port: port)
        }
        guard spec.ports.isEmpty else {
            return spec.ports.filter { $0.transport != .sctp }.map { spec in
                var endpoints = EndpointSelection()
                let same = headless.first { $0.name == spec.name && $0.transport == spec.transport }
                for endpoint in same?.endpoints ?? [] { endpoints.append(endpoint) }
                return ServicePort(
                    name: name(spec.name), transport: spec.transport, port: spec.port, endpoints: endpoints)
            }.sorted { $0.name < $1.name }
        }
        // It has no ports: then it is what the command line says.
        return targets.lazy.compactMap { target -> ServicePort? in
            guard case .number(let number)? = target.port else { return nil }
            return ServicePort(name: name(""), transport: target.transport ?? .tcp, port: number)
        }.prefix(1).map(\.self)
    }
}
