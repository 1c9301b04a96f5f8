internal import Balancing
internal import Base
internal import Resolution

/// What the rules of a service port follow from, in one family.
///
/// A kernel cannot carry from one family into the other: a Service without endpoints of its own family has none here.
struct ServiceChainFacts {
    struct Endpoint: Hashable {
        let address: EndpointAddress
        let text: String
        /// Its own.
        let chain: String
    }

    let port: ServicePort
    /// As comments have it.
    let name: String
    let clusterIPs: [IPAddress]
    let externalIPs: [IPAddress]
    let loadBalancerIPs: [IPAddress]
    let nodePort: UInt16?
    /// Who may use the load-balancer addresses; empty means everybody.
    let sourceRanges: [IPPrefix]
    /// Whether there are endpoints anywhere.
    let hasAny: Bool
    /// In the order of their texts, which is kube-proxy's.
    let clusterEndpoints: [Endpoint]
    let localEndpoints: [Endpoint]
    /// Whether it can be reached other than by its cluster IP.
    let isReachable: Bool
    private let family: IPAddress.Family
    /// In the names of its chains.
    private let hash: String

    /// - Parameter portals: those of the service port that are open.
    init(_ port: ServicePort, _ family: IPAddress.Family, at portals: [Portal]) {
        self.port = port
        self.family = family
        name = RuleComment.text("\(port.name)")
        func open(_ addresses: [IPAddress], _ place: (IPAddress) -> Portal.Place) -> [IPAddress] {
            addresses.filter { address in
                address.family == family && portals.contains { $0.place == place(address) }
            }
        }
        clusterIPs = open(port.clusterIPs) { .clusterIP($0) }
        externalIPs = open(port.externalIPs) { .externalIP($0) }
        loadBalancerIPs = open(port.loadBalancerIPs) { .loadBalancerIP($0) }
        nodePort = portals.contains { $0.place == .nodePort(family) } ? port.nodePort : nil
        sourceRanges = port.sourceRanges(for: family)
        let selection = family == .ipv4 ? port.endpoints.ipv4 : port.endpoints.ipv6
        hasAny = selection.hasAny
        let text = ServiceChainName.text(port.name, port.transport)
        hash = ServiceChainName.hash(text)
        func inOrder(_ endpoints: [ServiceEndpoint]) -> [Endpoint] {
            endpoints.map {
                let address = "\($0.address)"
                return Endpoint(
                    address: $0.address, text: address, chain: ServiceChainName.endpoint(address, of: text))
            }.sorted { $0.text < $1.text }
        }
        isReachable = nodePort != nil || !externalIPs.isEmpty || !loadBalancerIPs.isEmpty
        let lists = Self.lists(of: port, family, isReachable: isReachable)
        clusterEndpoints = inOrder(lists.cluster)
        localEndpoints = inOrder(lists.local)
    }

    /// The endpoints that have a use, by the policies under which they have it.
    static func lists(
        of port: ServicePort, _ family: IPAddress.Family, isReachable: Bool
    ) -> (cluster: [ServiceEndpoint], local: [ServiceEndpoint]) {
        let selection = family == .ipv4 ? port.endpoints.ipv4 : port.endpoints.ipv6
        let usesCluster = port.internalTrafficPolicy == .cluster || isReachable
        let usesLocal = port.internalTrafficPolicy == .local || (isReachable && port.externalTrafficPolicy == .local)
        return (usesCluster ? selection.cluster : [], usesLocal ? selection.local : [])
    }

    /// All that have a chain, in the same order.
    var endpoints: [Endpoint] {
        localEndpoints.isEmpty
            ? clusterEndpoints : Set(clusterEndpoints).union(localEndpoints).sorted { $0.text < $1.text }
    }

    var cluster: String { ServiceChainName.chain(.cluster, hash) }
    var local: String { ServiceChainName.chain(.local, hash) }
    var external: String { ServiceChainName.chain(.external, hash) }
    var firewall: String { ServiceChainName.chain(.firewall, hash) }

    /// Who is served in the cluster, and who is from outside.
    var internalEndpoints: [Endpoint] { endpoints(under: port.internalTrafficPolicy) }
    var externalEndpoints: [Endpoint] { endpoints(under: port.externalTrafficPolicy) }
    var internalChain: String { port.internalTrafficPolicy == .local ? local : cluster }
    var externalChain: String { port.externalTrafficPolicy == .local ? local : cluster }

    private func endpoints(under policy: TrafficPolicy) -> [Endpoint] {
        policy == .local ? localEndpoints : clusterEndpoints
    }

    var hasFirewall: Bool { hasAny && !loadBalancerIPs.isEmpty && !sourceRanges.isEmpty }

    /// The answer that iptables gives where none is named.
    var unreachable: RejectReply { family == .ipv4 ? .icmpPortUnreachable : .icmp6PortUnreachable }

    func comment(_ what: String) -> String { RuleComment.text("\(name) \(what)") }

    /// What goes to the service port at an address.
    func portal(_ what: String, at address: IPAddress) -> Rule {
        Rule(
            comment: comment(what), transport: port.transport, port: port.port, destination: IPPrefix(host: address),
            target: .accept)
    }
}
