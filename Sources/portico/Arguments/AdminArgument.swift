import Base

/// The value of `portico dev --admin`: where status and dashboard are shown.
struct AdminArgument: Hashable, Sendable {
    private static let name = "--admin"
    private static let loopback = IPAddress(v4: 0x7F00_0001)

    let address: EndpointAddress

    init(_ text: String) throws(ArgumentError) {
        guard let address = Self.address(text) else {
            throw ArgumentError("'\(text)' is not a port, nor an address with one, such as 127.0.0.1:8090")
        }
        guard address.ip.isLoopback else {
            throw ArgumentError("'\(text)' is reached from other machines, and what is shown is for this one")
        }
        self.address = address
    }

    private static func address(_ text: String) -> EndpointAddress? {
        if let port = UInt16(text) { return EndpointAddress(ip: loopback, port: port) }
        if let address = EndpointAddress(text) { return address }
        return IPAddress(text).map { EndpointAddress(ip: $0, port: 0) }
    }

    /// With any free port in the place of the option alone.
    static func normalized(_ arguments: [String]) -> [String] {
        ImpliedValue.filled(arguments, [name], with: "\(name)=0") { address($0) != nil }
    }
}
