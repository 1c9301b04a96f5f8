import Base
import Names
import Objects
import TestSupport
import Testing

// Short ways to write names, Services and questions, so that a test shows only what it is about.

func name(_ text: String) -> DNSName {
    guard let name = DNSName(text) else { preconditionFailure("no name: \(text)") }
    return name
}

func key(_ name: String, _ namespace: String = "default") -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

func door(
    _ port: UInt16, _ name: String = "", _ transport: TransportProtocol = .tcp, at served: UInt16? = nil
) -> NamedService.Door {
    NamedService.Door(name: name, transport: transport, port: port, servedPort: served)
}

func service(
    _ name: String, _ namespace: String = "default", _ addresses: [String] = ["127.64.0.1"],
    _ doors: NamedService.Door...
) -> NamedService {
    NamedService(namespace: namespace, name: name, form: .doors(addresses.map(ip), doors))
}

func headless(_ name: String, _ namespace: String = "default", _ ports: NamedService.EndpointPort...) -> NamedService {
    NamedService(namespace: namespace, name: name, form: .endpoints(ports))
}

func endpoint(_ name: String, _ address: String, _ port: UInt16) -> NamedService.Endpoint {
    NamedService.Endpoint(name: name, address: EndpointAddress(ip: ip(address), port: port))
}

/// A query as programs send it.
func query(
    _ text: String, _ type: DNSType = .a, id: UInt16 = 0, edns payloadSize: UInt16? = nil,
    edit: (inout DNSMessage) -> Void = { _ in }
) -> [UInt8] {
    var message = DNSMessage(header: DNSHeader(id: id), questions: [DNSQuestion(name: name(text), type: type)])
    message.header.recursionDesired = true
    message.extensions = payloadSize.map { DNSExtensions(payloadSize: $0) }
    edit(&message)
    return message.encoded()
}

extension NameTable {
    /// Asks the table and reads the answer.
    func ask(_ bytes: [UInt8], over transport: DNSTransport = .udp) throws -> DNSMessage {
        try DNSMessage(#require(respond(to: bytes, over: transport)))
    }

    /// What the records of an answer say, such as `A 127.64.0.1` and `SRV web.default.svc.cluster.local.:80`, or how the
    /// query failed.
    func ask(_ text: String, _ type: DNSType = .a, id: UInt16 = 0) throws -> [String] {
        let message = try ask(query(text, type, id: id))
        guard message.header.result == .success else { return ["\(message.header.result)"] }
        return message.answers.map(\.text)
    }
}

extension DNSRecord {
    var text: String {
        switch data {
        case .a(let address): "A \(IPAddress(v4: address))"
        case .aaaa(let high, let low): "AAAA \(IPAddress(v6High: high, low: low))"
        case .srv(let location): "SRV \(location.target):\(location.port)"
        case .cname(let target): "CNAME \(target)"
        case .soa(let authority): "SOA \(authority.serial)"
        case .other(let type, _): "type \(type.rawValue)"
        }
    }
}
