/// How new connections of a service port are treated: what its Service asks for, apart from where it is and who serves
/// it.
///
/// A changed policy holds for connections and flows that begin from then on; listeners, open connections, the turn of
/// the rotation and the clients that are remembered stay as they are.
public struct ServicePolicy: Hashable, Sendable {
    public var affinity: SessionAffinity
    public var balancing: BalancingMethod
    /// TCP: how long a client waits for an endpoint to appear; 0 resets it at once.
    public var holdSeconds: Int
    /// The header that goes before a client's bytes; nil for none. UDP knows version 2 only.
    public var proxyProtocol: ProxyProtocol?
    /// UDP: replies after which a flow ends; nil if it does not.
    public var udpReplies: Int?
    /// Whether endpoints on this machine see their clients' own addresses; nil for not.
    public var sourcePreservation: SourcePreservation?

    public init(
        affinity: SessionAffinity = .none, balancing: BalancingMethod = .roundRobin, holdSeconds: Int = 0,
        proxyProtocol: ProxyProtocol? = nil, udpReplies: Int? = nil,
        sourcePreservation: SourcePreservation? = nil
    ) {
        self.affinity = affinity
        self.balancing = balancing
        self.holdSeconds = holdSeconds
        self.proxyProtocol = proxyProtocol
        self.udpReplies = udpReplies
        self.sourcePreservation = sourcePreservation
    }
}
