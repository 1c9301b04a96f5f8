public import Balancing
public import Base
public import Host
public import Objects
public import Redirect
public import Resolution

/// What the planner has to know of the node's network at one moment.
public struct NodeAddresses: Hashable, Sendable {
    /// Every address that this node answers at, by family.
    public var local: [IPAddress.Family: [IPAddress]]
    /// The one that others know this node by, as far as it can tell.
    public var primary: [IPAddress.Family: IPAddress]
    /// What the rules have to know; without an entry the family cannot be redirected.
    public var networks: [IPAddress.Family: NodeNetwork]
    /// Where this node's own pods have their addresses.
    public var ownPods: [IPPrefix]

    public init(
        local: [IPAddress.Family: [IPAddress]] = [:], primary: [IPAddress.Family: IPAddress] = [:],
        networks: [IPAddress.Family: NodeNetwork] = [:], ownPods: [IPPrefix] = []
    ) {
        self.local = local
        self.primary = primary
        self.networks = networks
        self.ownPods = ownPods
    }

    /// Puts together what the interfaces, the Node object and the settings say.
    ///
    /// - Parameters:
    ///   - node: the object of this node, if the source has one.
    ///   - previous: how things were. The address that rules lead to stays while the node has it: each rule names it,
    ///     and a default route that comes and goes, as that of a VPN, is no reason to write them all anew.
    public init(
        _ interfaces: NetworkInterfaces, node: Node?, _ settings: NodeSettings,
        after previous: NodeAddresses = NodeAddresses()
    ) {
        self.init()
        let nodeIPs = node?.addresses ?? []
        let own = node?.podRanges ?? []
        let podRanges = settings.clusterRanges.isEmpty ? own : settings.clusterRanges
        ownPods = own.isEmpty ? settings.clusterRanges : own
        for family in IPAddress.Family.allCases {
            let own = interfaces.local(family)
            local[family] = own
            if let bound = settings.bindAddress, bound.family != family { continue }
            guard settings.redirectedFamilies.contains(family) else { continue }
            // An address of the Node object may be that of a machine in front of this one: then it is no use for rules.
            let named = nodeIPs.first { $0.family == family && own.contains($0) && !$0.isLoopback }
            guard let main = settings.bindAddress ?? named ?? interfaces.primary(family) else { continue }
            primary[family] = main
            let kept = previous.networks[family].flatMap { own.contains($0.hostIP) ? $0.hostIP : nil }
            networks[family] = NodeNetwork(
                hostIP: settings.bindAddress ?? named ?? kept ?? main, bindAddress: settings.bindAddress,
                nodePortRanges: settings.nodePortAddresses.ranges(for: family, primary: main),
                podRanges: podRanges.filter { $0.family == family },
                nodeAddresses: nodeIPs.filter { $0.family == family } + own.filter { !$0.isLoopback })
        }
    }

    /// What this node must not capture and not dial.
    public func safety(_ settings: NodeSettings) -> NodeSafety {
        NodeSafety(
            addresses: Set(local.flatMap(\.value)), apiServer: settings.apiServer,
            allowedExternalIPs: settings.allowedExternalIPs)
    }

    /// Clients whose address endpoints of this node cannot see: their answers would not pass the proxy
    /// (docs/source-address.md).
    var notPreserved: [IPPrefix] {
        let loopback = ["127.0.0.0/8", "::1/128"].compactMap { IPPrefix($0) }
        let own = local.sorted { $0.key < $1.key }.flatMap(\.value).filter { !$0.isLoopback }
        return loopback + own.compactMap(IPPrefix.init(host:)) + ownPods
    }
}

/// How a node is to be served; fixed at start.
public struct NodeSettings: Sendable {
    /// As the endpoints' `nodeName` has it.
    public var nodeName: String
    /// The one address that redirected traffic comes to; nil means that all do.
    public var bindAddress: IPAddress?
    public var proxyPorts = ProxyPortRange.standard
    /// Where the API server takes node ports from.
    public var nodePorts = ProxyPortRange.standardNodePorts
    public var nodePortAddresses = NodePortAddresses.all
    /// Where `/healthz` is answered to other machines; nil if it is not.
    public var healthPort: UInt16?
    /// Where this process finds its API server; nil if it has none, if it knows only a name, or if nothing is captured.
    public var apiServer: EndpointAddress?
    /// Where pods have their addresses; without it the ranges of the Node object count.
    public var clusterRanges: [IPPrefix] = []
    /// The only addresses that Services may have as external IPs; nil for any.
    public var allowedExternalIPs: [IPPrefix]?
    /// How endpoints are chosen for Services that do not say.
    public var balancing = BalancingMethod.roundRobin
    /// Whether endpoints of this node see the client's address where that is possible.
    public var preservesSource = false
    /// How the kernel carries all Services by itself; nil if they are led to the proxy.
    public var carriage: KernelCarriage?
    /// Those that this host's iptables works for.
    public var redirectedFamilies = Set(IPAddress.Family.allCases)

    public init(nodeName: String) {
        self.nodeName = nodeName
    }
}

extension Node {
    /// Where this node's pods have their addresses.
    public var podRanges: [IPPrefix] { spec.podCIDRs.compactMap { IPPrefix($0) } }
}
