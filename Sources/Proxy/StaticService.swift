public import Balancing
public import Base
internal import Resolution

/// A Service given on the command line, without a manifest: `--service`.
public struct StaticService: Sendable {
    public enum Host: Sendable, Hashable {
        case address(IPAddress)
        case name(String)
    }

    /// Where one of its endpoints is.
    public struct Endpoint: Sendable {
        public let host: Host
        public let port: UInt16

        public init(host: Host, port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    public let namespace: String
    public let service: String
    public let port: UInt16
    public let transport: TransportProtocol
    public let endpoints: [Endpoint]
    /// What tells it from other ports of its Service; empty for the only one.
    public let portName: String

    public init(
        namespace: String, service: String, port: UInt16, transport: TransportProtocol,
        endpoints: [Endpoint], portName: String = ""
    ) {
        self.namespace = namespace
        self.service = service
        self.port = port
        self.transport = transport
        self.endpoints = endpoints
        self.portName = portName
    }

    public var id: ServicePortID {
        ServicePortID(ServicePortName(namespace: namespace, service: service, port: portName), transport)
    }

    var hostNames: [String] {
        endpoints.compactMap { endpoint in
            if case .name(let name) = endpoint.host { name } else { nil }
        }
    }

    /// The service port, with names replaced by the addresses they stand for now; unknown names have none.
    func resolved(with addresses: [String: [IPAddress]]) -> ServicePort {
        var selection = EndpointSelection()
        for endpoint in endpoints {
            switch endpoint.host {
            case .address(let ip):
                selection.append(ServiceEndpoint(address: EndpointAddress(ip: ip, port: endpoint.port)))
            case .name(let name):
                for ip in addresses[name] ?? [] {
                    let address = EndpointAddress(ip: ip, port: endpoint.port)
                    selection.append(ServiceEndpoint(address: address, podName: name))
                }
            }
        }
        return ServicePort(name: id.name, transport: transport, port: port, endpoints: selection)
    }
}

extension EndpointSelection {
    mutating func append(_ endpoint: ServiceEndpoint) {
        switch endpoint.address.ip.family {
        case .ipv4:
            ipv4.cluster.append(endpoint)
            ipv4.hasAny = true
        case .ipv6:
            ipv6.cluster.append(endpoint)
            ipv6.hasAny = true
        }
    }
}
