/// The transport of a service port. Portico relays TCP and UDP; SCTP is known so that it can be named when skipped.
public enum TransportProtocol: String, Hashable, Sendable, CaseIterable {
    case tcp = "TCP"
    case udp = "UDP"
    case sctp = "SCTP"

    /// Case does not matter.
    public init?(_ text: some StringProtocol) {
        self.init(rawValue: text.uppercased())
    }
}
