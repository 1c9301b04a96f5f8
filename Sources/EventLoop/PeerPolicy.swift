public import Base
internal import Glibc

/// Whose programs are served at sockets that carry somebody's credentials. A loopback address belongs to everybody on
/// the machine, and so nothing but the user tells the owner's browser from the program of a stranger.
public struct PeerPolicy: Hashable, Sendable {
    /// The user that this process runs as.
    public let user: UInt32
    /// Who has become that user by `sudo`: another name of the same person, whose browser is not root's.
    public let invoker: UInt32?

    public init(user: UInt32, invoker: UInt32? = nil) {
        self.user = user
        self.invoker = invoker
    }

    /// That of this process: its own user and, if that is root by `sudo`, who has called for it. Root is not let in
    /// otherwise: sockets that nobody has any more are said to be root's, and whoever is root finds another way.
    public static func ofThisProcess(_ environment: [String: String] = ProcessEnvironment.variables) -> PeerPolicy {
        let user = geteuid()
        return PeerPolicy(user: user, invoker: user == 0 ? environment["SUDO_UID"].flatMap(UInt32.init) : nil)
    }

    /// - Parameter user: who has the other end; nil for nobody that can be seen from here.
    public func admits(_ user: UInt32?) -> Bool {
        guard let user else { return false }
        return user == self.user || user == invoker
    }
}

/// Stands at a listening socket, and says of each client whether its user is to be served. Belongs to one thread at a
/// time.
public struct PeerGate: ~Copyable {
    public enum Verdict: Equatable, Sendable {
        case admitted
        /// - Parameters:
        ///   - user: nil for a client of another machine or network namespace.
        ///   - isNews: nothing was said of this user in the last second.
        case refused(user: UInt32?, isNews: Bool)
    }

    /// Milliseconds for which nothing more is said of a user.
    private static let silence: UInt64 = 1000
    /// Users of whom it is known when they were told of, at most.
    private static let mostTold = 64

    private let policy: PeerPolicy
    private var owner: SocketOwner
    private var told: [UInt32?: UInt64] = [:]

    /// - Throws: ``SystemError`` if the kernel does not say who has a connection.
    public init(_ policy: PeerPolicy) throws(SystemError) {
        self.policy = policy
        owner = try SocketOwner()
    }

    /// - Parameter now: milliseconds of a clock that never goes back.
    public mutating func judge(_ client: borrowing Descriptor, at peer: SocketAddress, now: UInt64) -> Verdict {
        let user = owner.user(ofPeerOf: client, at: peer)
        if policy.admits(user) { return .admitted }
        if let before = told[user], now < before + Self.silence { return .refused(user: user, isNews: false) }
        if told.count >= Self.mostTold { told = [:] }
        told[user] = now
        return .refused(user: user, isNews: true)
    }
}
