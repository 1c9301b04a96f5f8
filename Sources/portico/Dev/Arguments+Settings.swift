import Balancing
import Objects
import Proxy

extension PublishArgument {
    func publication(defaultNamespace: String) -> DevelopmentPlanner.Publication {
        DevelopmentPlanner.Publication(
            namespace: target.namespace ?? defaultNamespace, service: target.service, port: target.port.ofService,
            transport: target.transport, address: place.address, localPort: place.port)
    }
}

extension ServiceReference.Port {
    var ofService: DevelopmentPlanner.Publication.Port {
        switch self {
        case .number(let number): .number(number)
        case .name(let name): .name(name)
        }
    }
}

extension LoneServiceOptions {
    /// Ports of one Service are told apart by their numbers, as they have no names.
    func staticServices(defaultNamespace: String) -> [StaticService] {
        let ports = Dictionary(grouping: services) { $0.key(defaultNamespace: defaultNamespace) }
        return services.map { service in
            let isAlone = ports[service.key(defaultNamespace: defaultNamespace)]?.count == 1
            return service.staticService(defaultNamespace: defaultNamespace, portName: isAlone ? "" : "\(service.port)")
        }
    }
}

extension ServiceArgument {
    func key(defaultNamespace: String) -> ObjectKey {
        ObjectKey(namespace: namespace ?? defaultNamespace, name: name)
    }

    fileprivate func staticService(defaultNamespace: String, portName: String) -> StaticService {
        StaticService(
            namespace: namespace ?? defaultNamespace, service: name, port: port, transport: transport,
            endpoints: endpoints.map { endpoint in
                let host: StaticService.Host =
                    switch endpoint.host {
                    case .address(let ip): .address(ip)
                    case .name(let name): .name(name)
                    }
                return StaticService.Endpoint(host: host, port: endpoint.port)
            }, portName: portName)
    }
}
