internal import Balancing
internal import Base
internal import Resolution

/// What the rules of a service port follow from, in one family.
///
/// A kernel cannot carry from one family into the other: a Service without endpoints of its own family has none here.
struct ServiceChainFacts {
    let port: ServicePort
    /// As comments have it.
    let name: String
    let clusterIPs: [IPAddress]
    let externalIPs: [IPAddress]
    let loadBalancerIPs: [IPAddress]
    /// Who may use the load-balancer addresses; empty means everybody.
    let sourceRanges: [IPPrefix]
    /// Whether there are endpoints anywhere.
    let hasAny: Bool
    /// In the order of their texts, which is kube-proxy's.
    let clusterEndpoints: [EndpointAddress]
    let localEndpoints: [EndpointAddress]
    /// Whether it can be reached other than by its cluster IP.
    let isReachable: Bool
    private let family: IPAddress.Family

    init(_ port: ServicePort, _ family: IPAddress.Family) {
        self.port = port
        self.family = family
        name = RuleComment.text("\(port.name)")
        clusterIPs = port.clusterIPs.filter { $0.family == family }
        externalIPs = port.externalIPs.filter { $0.family == family }
        loadBalancerIPs = port.loadBalancerIPs.filter { $0.family == family }
        sourceRanges = port.sourceRanges(for: family)
        let selection = family == .ipv4 ? port.endpoints.ipv4 : port.endpoints.ipv6
        hasAny = selection.hasAny
        func addresses(_ endpoints: [ServiceEndpoint]) -> [EndpointAddress] {
            endpoints.map { ("\($0.address)", $0.address) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
        isReachable = port.nodePort != nil || !externalIPs.isEmpty || !loadBalancerIPs.isEmpty
        let usesCluster = port.internalTrafficPolicy == .cluster || isReachable
        let usesLocal = port.internalTrafficPolicy == .local || (isReachable && port.externalTrafficPolicy == .local)
        clusterEndpoints = usesCluster ? addresses(selection.cluster) : []
        localEndpoints = usesLocal ? addresses(selection.local) : []
    }

    /// Whether the Service is there in the family at all. One whose cluster IP was refused is, by its other addresses.
    var isOfFamily: Bool { !clusterIPs.isEmpty || port.clusterIPs.isEmpty }

    var cluster: String { ServiceChainName.chain(.cluster, port.name, port.transport) }
    var local: String { ServiceChainName.chain(.local, port.name, port.transport) }
    var external: String { ServiceChainName.chain(.external, port.name, port.transport) }
    var firewall: String { ServiceChainName.chain(.firewall, port.name, port.transport) }

    func chain(of endpoint: EndpointAddress) -> String {
        ServiceChainName.endpoint(endpoint, of: port.name, port.transport)
    }

    /// Who is served in the cluster, and who is from outside.
    var internalEndpoints: [EndpointAddress] { endpoints(under: port.internalTrafficPolicy) }
    var externalEndpoints: [EndpointAddress] { endpoints(under: port.externalTrafficPolicy) }
    var internalChain: String { port.internalTrafficPolicy == .local ? local : cluster }
    var externalChain: String { port.externalTrafficPolicy == .local ? local : cluster }

    private func endpoints(under policy: TrafficPolicy) -> [EndpointAddress] {
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
