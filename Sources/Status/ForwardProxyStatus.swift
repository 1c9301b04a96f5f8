/// A proxy by which programs reach Services under their own names.
public struct ForwardProxyStatus: Sendable, Hashable {
    /// Where it listens, as `address:port`; at least one.
    public var addresses: [String]
    public var servesOnlyOwnUser: Bool
    /// Clients have to say a password.
    public var hasPassword: Bool

    public init(addresses: [String], servesOnlyOwnUser: Bool, hasPassword: Bool) {
        self.addresses = addresses
        self.servesOnlyOwnUser = servesOnlyOwnUser
        self.hasPassword = hasPassword
    }
}
