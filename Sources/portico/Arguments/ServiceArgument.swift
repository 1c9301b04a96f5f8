import Balancing
import Base

/// The value of `--service`: `[namespace/]name:port[/udp]=host:port,host:port`, a Service without a manifest.
struct ServiceArgument: Hashable, Sendable {
    /// Where one of its endpoints is.
    struct Endpoint: Hashable, Sendable {
        enum Host: Hashable, Sendable {
            case address(IPAddress)
            /// Looked up at the start, and every few seconds from then on.
            case name(String)
        }
        let host: Host
        let port: UInt16
    }

    let namespace: String?
    let name: String
    let port: UInt16
    let transport: TransportProtocol
    let endpoints: [Endpoint]

    init(_ text: String) throws(ArgumentError) {
        guard let equals = text.firstIndex(of: "=") else {
            throw ArgumentError("'=' is missing: name:port[/udp]=host:port,host:port")
        }
        let reference = try ServiceReference(text[..<equals])
        guard case .number(let port) = reference.port else {
            throw ArgumentError("the port of a Service without a manifest is a number: 1 to 65535")
        }
        namespace = reference.namespace
        name = reference.service
        self.port = port
        transport = reference.transport

        var endpoints: [Endpoint] = []
        for part in text[text.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: false) {
            let endpoint = try Endpoint(part)
            // Named twice it would get twice the connections. Few want that; most have made a mistake.
            guard !endpoints.contains(endpoint) else { throw ArgumentError("endpoint '\(part)' is given twice") }
            endpoints.append(endpoint)
        }
        self.endpoints = endpoints
    }
}

extension ServiceArgument.Endpoint {
    init(_ text: Substring) throws(ArgumentError) {
        guard !text.isEmpty else { throw ArgumentError("an endpoint is missing: host:port,host:port") }
        guard let colon = text.lastIndex(of: ":") else {
            throw ArgumentError("endpoint '\(text)' lacks a port: host:port")
        }
        let host = text[..<colon]
        guard !host.contains(":") || host.hasPrefix("[") else {
            throw ArgumentError("endpoint '\(text)': an IPv6 address stands in brackets, as in [fd00::1]:80")
        }
        guard let port = parsePort(text[text.index(after: colon)...]), port > 0 else {
            throw ArgumentError("endpoint '\(text)': the port is a number from 1 to 65535")
        }
        self.port = port
        if let address = parseAddress(host) {
            self.host = .address(address)
        } else if isHostName(host), !host.allSatisfy({ $0.isNumber || $0 == "." }) {
            self.host = .name(String(host))
        } else {
            // 10.0.0.256 would pass for a host name by its letters alone.
            throw ArgumentError("endpoint '\(text)': '\(host)' is neither an IP address nor a host name")
        }
    }
}

extension ServiceArgument.Endpoint: CustomStringConvertible {
    var description: String {
        switch host {
        case .address(let address): EndpointAddress(ip: address, port: port).description
        case .name(let name): "\(name):\(port)"
        }
    }
}
