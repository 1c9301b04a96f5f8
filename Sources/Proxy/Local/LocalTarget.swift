public import Base
internal import Objects

/// A process of the user's choice that serves a port of a Service in place of its endpoints, for as long as it listens:
/// `--local`.
public struct LocalTarget: Sendable, Hashable {
    public enum Place: Sendable, Hashable {
        /// This port, at 127.0.0.1 or else ::1 if no host is named.
        case port(UInt16, host: StaticService.Host?)
        /// Whatever the command behind `--` listens on.
        case command
    }

    public let namespace: String
    public let service: String
    /// Nil for the only one, or the one that fits.
    public let port: DevelopmentPlanner.Publication.Port?
    /// Nil for TCP, or UDP where that is all there is.
    public let transport: TransportProtocol?
    public let place: Place
    /// As it was asked for, for messages: `--local cart=3000`.
    public let text: String

    public init(
        namespace: String, service: String, port: DevelopmentPlanner.Publication.Port? = nil,
        transport: TransportProtocol? = nil, place: Place, text: String
    ) {
        self.namespace = namespace
        self.service = service
        self.port = port
        self.transport = transport
        self.place = place
        self.text = text
    }

    var key: ObjectKey { ObjectKey(namespace: namespace, name: service) }

    var hostName: String? {
        if case .port(_, .name(let name)?) = place { name } else { nil }
    }
}

/// Who has the clients of a service port whose process does not listen.
public enum LocalFallback: String, Sendable, CaseIterable {
    case endpoints
    case refuse
}
