public import Base

/// What the rules of the iptables mode have to know of the node, in one family.
public struct ServiceChainNode: Hashable, Sendable {
    /// How traffic of this node's pods is told from others'.
    public enum LocalTraffic: Hashable, Sendable {
        /// By where it comes from.
        case range(IPPrefix)
        /// By the bridge that pods are connected to.
        case bridge(String)
        /// By how the names of pods' interfaces begin.
        case interfacePrefix(String)
        /// It is not.
        case unknown
    }

    public var family: IPAddress.Family
    public var localTraffic: LocalTraffic
    /// Addresses that take node ports; nil means all of this node.
    public var nodePortAddresses: [IPAddress]?
    /// Whether node ports answer on loopback addresses too: the kernel can do that for IPv4 only.
    public var servesLocalhost: Bool
    /// The node's own addresses. One in the source ranges of a load-balancer address lets the node use that address as
    /// its source too.
    public var nodeAddresses: [IPAddress]
    /// The bit of a packet's mark that says that it is to leave as if this node had sent it, 0 to 31.
    public var masqueradeBit: Int
    /// Whether all that goes to cluster IPs does.
    public var masqueradesAll: Bool
    /// Whether such connections have ports at random, so that two at one time do not meet (`--random-fully`).
    public var hasRandomPorts: Bool
    /// Whether packets of no known connection are dropped on their way to pods: those that come too late would reset
    /// connections otherwise. Not where the kernel takes them for part of theirs (`nf_conntrack_tcp_be_liberal`).
    public var dropsInvalid: Bool

    public init(
        family: IPAddress.Family, localTraffic: LocalTraffic = .unknown, nodePortAddresses: [IPAddress]? = nil,
        servesLocalhost: Bool? = nil, nodeAddresses: [IPAddress] = [], masqueradeBit: Int = 14,
        masqueradesAll: Bool = false, hasRandomPorts: Bool = true, dropsInvalid: Bool = true
    ) {
        self.family = family
        self.localTraffic = localTraffic
        self.nodePortAddresses = nodePortAddresses
        self.servesLocalhost = servesLocalhost ?? (family == .ipv4)
        self.nodeAddresses = nodeAddresses
        self.masqueradeBit = masqueradeBit
        self.masqueradesAll = masqueradesAll
        self.hasRandomPorts = hasRandomPorts
        self.dropsInvalid = dropsInvalid
    }

    /// As a node is known anyway.
    public init(_ network: NodeNetwork, _ carriage: KernelCarriage = KernelCarriage()) {
        let pods = carriage.podInterfaces ?? network.podRanges.first.map { .range($0) }
        self.init(
            family: network.hostIP.family, localTraffic: pods ?? .unknown,
            servesLocalhost: carriage.routesLocalhost && network.hostIP.family == .ipv4,
            nodeAddresses: network.nodeAddresses, masqueradeBit: carriage.masqueradeBit,
            masqueradesAll: carriage.masqueradesAll, dropsInvalid: carriage.dropsInvalid)
        let ranges = network.nodePortRanges
        guard !ranges.isEmpty, !ranges.contains(where: { $0.length == 0 }) else { return }
        var seen: Set<IPAddress> = []
        let addresses = network.nodeAddresses + [IPAddress("127.0.0.1"), IPAddress("::1")].compactMap(\.self)
        let taken = addresses.filter { address in
            ranges.contains { $0.contains(address) } && seen.insert(address).inserted
        }
        nodePortAddresses = taken
        servesLocalhost = servesLocalhost && taken.contains(where: \.isLoopback)
    }

    var mark: UInt32 { 1 << UInt32(masqueradeBit) }
}

extension ServiceChainNode.LocalTraffic {
    /// A match for what pods of this node send; nil if nobody can tell.
    func match(_ rule: Rule) -> Rule? {
        var rule = rule
        switch self {
        case .range(let range): rule.source = range
        case .bridge(let name): rule.add(.interface(name))
        case .interfacePrefix(let prefix): rule.add(.interface("\(prefix)+"))
        case .unknown: return nil
        }
        return rule
    }

    /// A match for what anybody else sends; nil if nobody can tell.
    func matchOthers(_ rule: Rule) -> Rule? {
        var rule = rule
        switch self {
        case .range(let range): rule.add(.notFrom(range))
        case .bridge(let name): rule.add(.notInterface(name))
        case .interfacePrefix(let prefix): rule.add(.notInterface("\(prefix)+"))
        case .unknown: return nil
        }
        return rule
    }
}
