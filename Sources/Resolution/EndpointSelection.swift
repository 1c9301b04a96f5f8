public import Balancing
public import Base

/// The endpoints that a service port's traffic may use, after readiness, policies and topology
/// (docs/behaviour.md, B3.6 to B3.9).
///
/// The families are selected apart, as two proxies of one family each would: a Service whose IPv6 endpoints all
/// terminate falls back to them without touching IPv4.
public struct EndpointSelection: Hashable, Sendable {
    public var ipv4: FamilySelection
    public var ipv6: FamilySelection

    public init(ipv4: FamilySelection = FamilySelection(), ipv6: FamilySelection = FamilySelection()) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// What a client that came in over `family` is balanced over: the endpoints of its own family, or of the other one
    /// if its own has none at all. The latter is more than a kernel proxy can do, and costs a relay nothing.
    public func selection(for family: IPAddress.Family) -> FamilySelection {
        let (own, other) = family == .ipv4 ? (ipv4, ipv6) : (ipv6, ipv4)
        return own.hasAny ? own : other
    }

    /// Whether any endpoint could take traffic under some policy. If not, every portal refuses.
    public var hasAny: Bool { ipv4.hasAny || ipv6.hasAny }
}

/// The selection for one address family. Lists are in the order of their addresses.
public struct FamilySelection: Hashable, Sendable {
    /// For traffic under a Cluster policy; also for pods of this node that use an external address under policy Local.
    /// Empty if no such traffic is possible.
    public var cluster: [ServiceEndpoint]
    /// For traffic under a Local policy. Empty if no policy is Local.
    public var local: [ServiceEndpoint]
    /// Whether there are endpoints anywhere: an empty list then means *drop*, and otherwise *refuse*.
    public var hasAny: Bool
    public var topology: TopologyMode

    public init(
        cluster: [ServiceEndpoint] = [], local: [ServiceEndpoint] = [], hasAny: Bool = false,
        topology: TopologyMode = .none
    ) {
        self.cluster = cluster
        self.local = local
        self.hasAny = hasAny
        self.topology = topology
    }

    /// The list that a policy stands for.
    public func endpoints(under policy: TrafficPolicy) -> [ServiceEndpoint] {
        policy == .local ? local : cluster
    }
}

/// How hints have narrowed the cluster list.
public enum TopologyMode: String, Hashable, Sendable, CaseIterable {
    case none
    case preferSameZone
    case preferSameNode
}
