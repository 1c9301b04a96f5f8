public import NIOCore

/// A connection that speaks HTTP no more.
public struct UpgradedConnection: Sendable {
    /// Of the answer, names in lower case.
    public let headers: [(name: String, value: String)]
    /// Handlers of HTTP have left it; TLS, if there is any, has not. Its event loop is one of several for upgrades.
    public let channel: any Channel

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// Closes it at once, from any thread. To close the channel takes seconds where the server does not answer TLS's
    /// goodbye.
    public func cut() { channel.eventLoop.execute { channel.cut() } }
}
