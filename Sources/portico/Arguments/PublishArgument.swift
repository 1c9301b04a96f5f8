import Base

/// The value of `--publish`: `[namespace/]name:port[/udp]=[address:]port`.
struct PublishArgument: Hashable, Sendable {
    /// Where on this machine the port is to be served.
    struct Place: Hashable, Sendable {
        /// nil for both loopback addresses, 127.0.0.1 and ::1.
        let address: IPAddress?
        /// 0 lets the kernel choose.
        let port: UInt16
        /// TCP and UDP on one number are two places.
        let transport: TransportProtocol
    }

    let target: ServiceReference
    let place: Place

    init(_ text: String) throws(ArgumentError) {
        guard let equals = text.firstIndex(of: "=") else {
            throw ArgumentError("'=' is missing: [namespace/]name:port[/udp]=[address:]port")
        }
        target = try ServiceReference(text[..<equals])
        place = try Place(text[text.index(after: equals)...], target.transport)
    }
}

extension PublishArgument.Place {
    fileprivate init(_ text: Substring, _ transport: TransportProtocol) throws(ArgumentError) {
        let (address, port) = try parseLocalAddress(text)
        self.init(address: address, port: port, transport: transport)
    }
}

/// `8080`, `127.0.0.1:8080`, `localhost:8080` or `[::1]:8080`: where to serve on this machine. The address is nil where
/// it is left to the default.
func parseLocalAddress(_ text: Substring) throws(ArgumentError) -> (address: IPAddress?, port: UInt16) {
    guard let colon = text.lastIndex(of: ":") else { return (nil, try parseLocalPort(text)) }
    let host = text[..<colon]
    // `::1` without brackets: its last group would pass for a port.
    guard !host.contains(":") || host.hasPrefix("[") else {
        throw ArgumentError("an IPv6 address stands in brackets: [\(host.hasSuffix(":") ? text : host)]:port")
    }
    let port = try parseLocalPort(text[text.index(after: colon)...])
    if host == "localhost" { return (nil, port) }
    guard let address = parseAddress(host) else {
        throw ArgumentError("'\(host)' is not an IP address of this machine")
    }
    return (address, port)
}

private func parseLocalPort(_ text: Substring) throws(ArgumentError) -> UInt16 {
    guard !text.isEmpty else { throw ArgumentError("the port on this machine is missing") }
    guard let port = parsePort(text) else {
        throw ArgumentError("'\(text)' is not a port on this machine: 0 to 65535")
    }
    return port
}

/// `10.0.0.1` or `[fd00::1]`; nil for anything else, such as an IPv6 address without brackets.
func parseAddress(_ text: Substring) -> IPAddress? {
    if text.hasPrefix("["), text.hasSuffix("]") {
        let inner = text.dropFirst().dropLast()
        return inner.contains(":") ? IPAddress(inner) : nil
    }
    return text.contains(":") ? nil : IPAddress(text)
}

extension PublishArgument: CustomStringConvertible {
    var description: String { "\(target)=\(place)" }
}

extension PublishArgument.Place: CustomStringConvertible {
    var description: String {
        guard let address else { return "\(port)" }
        return EndpointAddress(ip: address, port: port).description
    }
}
