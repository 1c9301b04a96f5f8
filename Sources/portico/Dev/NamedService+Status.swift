import Balancing
import Base
import Names
import Objects
import Proxy
import Resolution
import Status

extension NamedService {
    /// The Services of a session as their clients know them: those that are served at their doors, and the headless ones
    /// that `state` describes, at their endpoints or what stands in for those.
    static func list(
        _ state: ClusterState, _ ports: [PortStatus], _ settings: DevelopmentProxy.Settings
    ) -> [NamedService] {
        let served = Dictionary(grouping: ports) {
            ObjectKey(namespace: $0.id.name.namespace, name: $0.id.name.service)
        }
        let specs = Dictionary(
            state.services.map { ($0.metadata.key, $0.spec.ports) }, uniquingKeysWith: { first, _ in first })
        let doors = served.sorted { $0.key < $1.key }.map { key, ports in
            NamedService(key, ports, order: specs[key] ?? [])
        }
        var state = state
        state.services = state.services.filter { settings.includes($0) && served[$0.metadata.key] == nil }
        return doors + state.headlessServices().map { NamedService($0, settings.standIn) }
    }

    /// - Parameter order: the ports as the manifest has them; the first one is special in variables.
    private init(_ key: ObjectKey, _ ports: [PortStatus], order: [ServicePortSpec]) {
        func place(_ id: ServicePortID) -> Int {
            order.firstIndex { $0.name == id.name.port && $0.transport == id.transport } ?? order.count
        }
        var addresses: [IPAddress] = []
        var doors: [Door] = []
        for port in ports.sorted(by: { (place($0.id), $0.id) < (place($1.id), $1.id) }) {
            // The first door is the Service's own; those that were published are a matter of this machine.
            guard let own = port.doors.first else { continue }
            if !addresses.contains(own.wanted.ip) { addresses.append(own.wanted.ip) }
            // A door that could not be opened is tried again, and a refusal is easier to understand than a missing name.
            doors.append(
                Door(
                    name: port.id.name.port, transport: port.id.transport, port: own.wanted.port,
                    servedPort: own.listening?.port))
        }
        self.init(namespace: key.namespace, name: key.name, form: .doors(addresses, doors))
    }

    private init(_ service: HeadlessService, _ standIn: (ServiceEndpoint) -> EndpointAddress?) {
        let ports = service.ports.map { port in
            EndpointPort(
                name: port.name, transport: port.transport,
                endpoints: port.endpoints.map { endpoint in
                    let address = standIn(endpoint) ?? endpoint.address
                    // A Service without ports has none by a stand-in either.
                    let number = endpoint.address.port == 0 ? 0 : address.port
                    return Endpoint(
                        name: endpoint.hostname ?? endpoint.podName ?? Self.name(of: endpoint.address.ip),
                        address: EndpointAddress(ip: address.ip, port: number))
                })
        }
        self.init(namespace: service.metadata.namespace, name: service.metadata.name, form: .endpoints(ports))
    }

    /// `10-0-0-1`: what an endpoint is called that nobody has named, as in a cluster.
    private static func name(of ip: IPAddress) -> String {
        String("\(ip)".map { $0 == "." || $0 == ":" ? "-" : $0 })
    }
}
