import Balancing
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

extension ServiceArgument {
    func staticService(defaultNamespace: String) -> StaticService {
        StaticService(
            namespace: namespace ?? defaultNamespace, service: name, port: port, transport: transport,
            endpoints: endpoints.map { endpoint in
                let host: StaticService.Host =
                    switch endpoint.host {
                    case .address(let ip): .address(ip)
                    case .name(let name): .name(name)
                    }
                return StaticService.Endpoint(host: host, port: endpoint.port)
            })
    }
}
