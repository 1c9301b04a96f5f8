public import Base

/// Says that endpoints on this machine are dialled from the client's own address, so that they see who it is
/// (docs/source-address.md).
///
/// Only endpoints on this machine: answers to the client's address have to pass by here, and those from elsewhere would
/// not.
public struct SourcePreservation: Hashable, Sendable {
    /// Clients that are not to be imitated: those to whom endpoints would answer by a way that does not lead through
    /// here, such as the machine itself.
    public var excluded: [IPPrefix]

    public init(excluded: [IPPrefix] = []) {
        self.excluded = excluded
    }

    /// Whether an endpoint may see this client's address.
    public func applies(to client: IPAddress) -> Bool {
        !excluded.contains { $0.contains(client) }
    }

    /// The same for an endpoint at `address`. One family cannot stand for the other, and what comes from an endpoint's
    /// own address, as when it is a client of its own service, its kernel would take for a forgery.
    public func applies(to client: IPAddress, at address: IPAddress) -> Bool {
        client.family == address.family && client != address && applies(to: client)
    }
}
