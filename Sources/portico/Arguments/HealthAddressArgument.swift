import Base

/// The value of `--healthz-bind-address`: an address with or without a port, or nothing.
struct HealthAddressArgument: Hashable, Sendable {
    static let standardPort: UInt16 = 10_256
    static let standard = HealthAddressArgument(EndpointAddress(ip: IPAddress(v4: 0), port: standardPort))

    let address: EndpointAddress?
    private var hasPort = false

    private init(_ address: EndpointAddress) { self.address = address }

    init(_ text: String) throws(ArgumentError) {
        if text.isEmpty {
            address = nil
        } else if let whole = EndpointAddress(text) {
            address = whole
            hasPort = true
        } else if let ip = IPAddress(text) {
            address = EndpointAddress(ip: ip, port: Self.standardPort)
        } else {
            throw ArgumentError("'\(text)' is not an address with a port, such as 0.0.0.0:10256")
        }
    }

    /// With the port of kube-proxy's older flag, if it was given without one.
    func address(withPort port: UInt16) -> EndpointAddress? {
        hasPort ? address : address.map { EndpointAddress(ip: $0.ip, port: port) }
    }
}
