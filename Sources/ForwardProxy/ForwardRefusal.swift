/// Why a client is not connected, for people and in the terms of the protocols.
public struct ForwardRefusal: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The proxy does not lead there.
        case notAllowed
        /// It does, and nobody serves that at the moment.
        case unavailable
        /// There is no such host.
        case unknownHost
    }

    public let kind: Kind
    /// A sentence without a full stop: what was asked for, why it is refused, and what can be done.
    public let text: String

    public init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    /// The reply field of SOCKS (RFC 1928, 6).
    var reply: SOCKSReply {
        switch kind {
        case .notAllowed: .notAllowed
        case .unavailable: .refused
        case .unknownHost: .hostUnreachable
        }
    }

    var status: ProxyStatus {
        switch kind {
        case .notAllowed: .forbidden
        case .unavailable: .unavailable
        case .unknownHost: .badGateway
        }
    }
}
