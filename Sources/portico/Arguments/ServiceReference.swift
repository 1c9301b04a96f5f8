import Base

/// A port of a Service as the command line names it: `[namespace/]name:port[/protocol]`.
struct ServiceReference: Hashable, Sendable {
    enum Port: Hashable, Sendable {
        case number(UInt16)
        case name(String)
    }

    /// nil when the command line leaves it out.
    let namespace: String?
    let service: String
    let port: Port
    let transport: TransportProtocol

    init(_ text: Substring) throws(ArgumentError) {
        // From the colon on, because a slash before it belongs to the namespace and one behind it to the protocol.
        guard let colon = text.firstIndex(of: ":") else {
            throw ArgumentError("'\(text)' lacks a port: [namespace/]name:port[/udp]")
        }
        (namespace, service) = try Self.parseName(text[..<colon])
        let (port, transport) = try Self.parsePort(text[text.index(after: colon)...])
        (self.port, self.transport) = (port, transport ?? .tcp)
    }

    /// `[namespace/]name`.
    static func parseName(_ text: Substring) throws(ArgumentError) -> (namespace: String?, service: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else {
            throw ArgumentError("'\(text)' has too many slashes: [namespace/]name")
        }
        for part in parts where !isDNSLabel(part) {
            let kind = parts.count == 2 && part.startIndex == text.startIndex ? "namespace" : "name of a Service"
            throw ArgumentError("'\(part)' is not a \(kind): lower-case letters, digits and '-', at most 63")
        }
        return (parts.count == 2 ? String(parts[0]) : nil, String(parts[parts.count - 1]))
    }

    /// `port[/protocol]`; the protocol is nil if it is left out.
    static func parsePort(_ text: Substring) throws(ArgumentError) -> (Port, TransportProtocol?) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let port = parts.first, !port.isEmpty else {
            throw ArgumentError("the port is missing behind the colon")
        }
        var transport: TransportProtocol?
        if parts.count == 2 {
            guard let named = TransportProtocol(parts[1]), named != .sctp else {
                throw ArgumentError("'\(parts[1])' is not a protocol: tcp or udp")
            }
            transport = named
        }
        if let number = portico.parsePort(port) {
            guard number > 0 else { throw ArgumentError("port 0 is not a port of a Service: 1 to 65535, or its name") }
            return (.number(number), transport)
        }
        // A name has a letter; digits alone are a number that is out of range.
        guard isDNSLabel(port), port.contains(where: \.isLetter) else {
            throw ArgumentError("'\(port)' is not a port: 1 to 65535, or its name")
        }
        return (.name(String(port)), transport)
    }
}

extension ServiceReference: CustomStringConvertible {
    var description: String {
        let name = namespace.map { "\($0)/\(service)" } ?? service
        let suffix = transport == .tcp ? "" : "/\(transport.rawValue.lowercased())"
        switch port {
        case .number(let number): return "\(name):\(number)\(suffix)"
        case .name(let port): return "\(name):\(port)\(suffix)"
        }
    }
}
