import Balancing
import Base
import Names
import Objects
import Resolution
import Status

/// A Service that has changed, and all that counts for those who know it by name.
struct ServedName: Sendable {
    let key: ObjectKey
    /// Nil if it is gone.
    let status: ServedService?
    /// Nil if it is in no manifest.
    let service: Service?
    let resolved: ResolvedService?
}

extension NamedService {
    /// As clients know it: at its doors if it is served, or at its endpoints, or what stands in for those, if it is
    /// headless, or as another name. Nil if it is none of these.
    init?(_ name: ServedName, _ standIn: (ServiceEndpoint) -> EndpointAddress?) {
        if let ports = name.status?.ports, !ports.isEmpty {
            self.init(name.key, ports, order: name.service?.spec.ports ?? [])
        } else if let headless = name.resolved?.headless, !headless.isEmpty {
            self.init(name.key, headless, standIn)
        } else if let spec = name.service?.spec, spec.type == .externalName, let target = spec.externalName {
            self.init(namespace: name.key.namespace, name: name.key.name, form: .alias(target))
        } else {
            return nil
        }
    }

    /// - Parameter order: the ports as the manifest has them; the first one is special in variables.
    private init(_ key: ObjectKey, _ ports: [PortStatus], order: [ServicePortSpec]) {
        func place(_ port: PortStatus) -> Int {
            order.firstIndex { $0.name == port.id.name.port && $0.transport == port.id.transport } ?? order.count
        }
        var addresses: [IPAddress] = []
        var doors: [Door] = []
        for port in ports.sorted(by: { (place($0), $0.id) < (place($1), $1.id) }) {
            // The first door is the Service's own; those that were published are a matter of this machine.
            guard let own = port.doors.first else { continue }
            if !addresses.contains(own.wanted.ip) { addresses.append(own.wanted.ip) }
            // A door that could not be opened is tried again, and a refusal is easier to understand than a missing
            // name.
            doors.append(
                Door(
                    name: port.id.name.port, transport: port.id.transport, port: own.wanted.port,
                    servedPort: own.listening?.port))
        }
        self.init(namespace: key.namespace, name: key.name, form: .doors(addresses, doors))
    }

    private init(_ key: ObjectKey, _ headless: [HeadlessPort], _ standIn: (ServiceEndpoint) -> EndpointAddress?) {
        let ports = headless.map { port in
            EndpointPort(
                name: port.name, transport: port.transport,
                endpoints: port.endpoints.map { endpoint in
                    let address = standIn(endpoint) ?? endpoint.address
                    // A Service without ports has none by a stand-in either.
                    let number = endpoint.address.port == 0 ? 0 : address.port
                    return Endpoint(
                        name: endpoint.nameBelowService,
                        address: EndpointAddress(ip: address.ip, port: number))
                })
        }
        self.init(namespace: key.namespace, name: key.name, form: .endpoints(ports))
    }
}

extension ServiceEndpoint {
    /// What it is called below its headless Service. One that nobody has named is `10-0-0-1`, as in a cluster.
    var nameBelowService: String {
        hostname ?? podName ?? String("\(address.ip)".map { $0 == "." || $0 == ":" ? "-" : $0 })
    }
}
