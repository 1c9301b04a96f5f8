internal import Balancing
public import Base
public import Status

/// How it stands with the process that is to serve a service port.
public struct LocalState: Sendable, Hashable {
    /// Where it listens; empty while it does not.
    public let addresses: [EndpointAddress]
    /// The same for people, or what is waited for.
    public let place: String
    public let fallback: LocalFallback

    public init(_ addresses: [EndpointAddress], fallback: LocalFallback) {
        self.addresses = addresses
        self.place = addresses.map(\.description).joined(separator: ", ")
        self.fallback = fallback
    }

    public init(waitingFor place: String, fallback: LocalFallback) {
        self.addresses = []
        self.place = place
        self.fallback = fallback
    }

    public var status: LocalStatus { LocalStatus(place: place, isServing: !addresses.isEmpty) }

    /// Who has the clients.
    ///
    /// - Parameter others: the endpoints of the service port.
    func endpoints(else others: [ServiceEndpoint]) -> [ServiceEndpoint] {
        guard addresses.isEmpty else { return addresses.map { ServiceEndpoint(address: $0, isLocal: true) } }
        return fallback == .endpoints ? others : []
    }

    /// Who has the clients that come between the end of the process and the moment at which that is seen.
    func reserve(_ others: [ServiceEndpoint]) -> [ServiceEndpoint] {
        !addresses.isEmpty && fallback == .endpoints ? others : []
    }
}
