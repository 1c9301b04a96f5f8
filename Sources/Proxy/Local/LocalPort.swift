internal import Balancing
internal import Base
internal import Objects
internal import Resolution

/// A port of a Service, as far as it matters for who may serve it.
struct LocalPort: Sendable, Equatable {
    let id: ServicePortID
    let port: UInt16
    /// By which a process shows that it is meant for it: the target port, what its endpoints have, and the port itself.
    let numbers: [UInt16]

    /// - Parameter specs: the ports of the Service as written.
    init(_ port: ServicePort, _ specs: [ServicePortSpec]) {
        id = ServicePortID(port.name, port.transport)
        self.port = port.port
        var numbers: [UInt16] = []
        let spec = specs.first { $0.name == port.name.port && $0.transport == port.transport }
        if case .number(let number)? = spec?.targetPort { numbers.append(number) }
        numbers += (port.endpoints.ipv4.cluster + port.endpoints.ipv6.cluster).map(\.address.port)
        self.numbers = (numbers + [port.port]).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// How it is written behind the name of the Service.
    var reference: String {
        (id.name.port.isEmpty ? ":\(port)" : ":\(id.name.port)") + (id.transport == .udp ? "/udp" : "")
    }

    fileprivate func matches(_ wanted: DevelopmentPlanner.Publication.Port) -> Bool {
        switch wanted {
        case .number(let number): port == number
        case .name(let name): id.name.port == name
        }
    }
}

extension [LocalPort] {
    /// As people write them.
    var choices: String { map { $0.id.choice($0.port) }.joined(separator: ", ") }

    /// Those of TCP, if there are any: who means UDP says so.
    fileprivate var tcpFirst: [LocalPort] {
        let tcp = filter { $0.id.transport == .tcp }
        return tcp.isEmpty ? self : tcp
    }
}

extension LocalTarget {
    /// Why a target means no port of its Service.
    struct Mistake: Error, Equatable {
        let text: String
    }

    /// The service ports that it means: one, or all those that the command may serve.
    func choose(among ports: [LocalPort]) -> Result<[LocalPort], Mistake> {
        let possible = transport.map { wanted in ports.filter { $0.id.transport == wanted } } ?? ports
        guard !ports.isEmpty else {
            return .failure(
                Mistake(text: "the Service has no ports: name one by its number, as in \(namespace)/\(service):80"))
        }
        if let port {
            let named = possible.filter { $0.matches(port) }.tcpFirst
            guard named.isEmpty else { return .success(named) }
            return .failure(Mistake(text: "the Service has no such port; it has \(ports.choices)"))
        }
        guard possible.count > 1, case .port(let number, _) = place else { return .success(possible) }
        let fitting = possible.filter { $0.numbers.contains(number) }.tcpFirst
        if fitting.count == 1 { return .success(fitting) }
        return .failure(
            Mistake(
                text:
                    "the Service has several ports, \(ports.choices): name one, as in \(example(ports[0], at: number))")
        )
    }

    /// How it is written with a service port and a port of this machine.
    func example(_ port: LocalPort, at number: UInt16) -> String {
        let name = namespace == "default" ? service : "\(namespace)/\(service)"
        return "--local \(name)\(port.reference)=\(number)"
    }
}
