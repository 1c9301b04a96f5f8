import Base

/// The value of `--healthz-bind-address` and `--metrics-bind-address`: an address with or without a port, or nothing.
struct BindAddressArgument: Hashable, Sendable {
    static let healthPort: UInt16 = 10_256
    static let metricsPort: UInt16 = 10_249
    static let standardHealth = BindAddressArgument(EndpointAddress(ip: IPAddress(v4: 0), port: healthPort))

    /// Nil for nowhere.
    let address: EndpointAddress?
    private var hasPort = false

    private init(_ address: EndpointAddress) { self.address = address }

    /// - Parameter port: that of an address without one.
    init(_ text: String, port: UInt16) throws(ArgumentError) {
        if text.isEmpty {
            address = nil
        } else if let whole = EndpointAddress(text) {
            address = whole
            hasPort = true
        } else if let ip = IPAddress(text) {
            address = EndpointAddress(ip: ip, port: port)
        } else {
            throw ArgumentError("'\(text)' is not an address with a port, such as 0.0.0.0:\(port)")
        }
    }

    /// With the port of kube-proxy's older flag, if it was given without one.
    func address(withPort port: UInt16) -> EndpointAddress? {
        hasPort ? address : address.map { EndpointAddress(ip: $0.ip, port: port) }
    }
}
