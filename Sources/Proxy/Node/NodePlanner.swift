public import Balancing
public import Base
public import Redirect
public import Resolution

/// What is wanted on a node: of the relay, and of the firewall once the relay listens.
public struct NodePlan: Sendable, Equatable {
    public var relay = Plan()
    /// In the order of the service ports.
    public var redirected: [RedirectedPort] = []
    public var addresses = NodeAddresses()
    public var proxyPorts = ProxyPortRange.standard
    /// At which this node is asked about its health, and about that of Services.
    public var healthPorts: [UInt16] = []
    public var preservesSource = false

    public init() {}
}

/// A service port whose traffic is led to the proxy.
public struct RedirectedPort: Sendable, Equatable {
    public let port: ServicePort
    public let proxy: ProxyPorts
}

/// Plans for a node. Every service port gets a proxy port, to which the firewall leads the traffic of its portals, with a
/// list of endpoints for each family and traffic policy; its node port is claimed by a socket that serves it too.
///
/// A pure function of its input, but for the numbers of the proxy ports, which it remembers.
public struct NodePlanner: Sendable {
    private let settings: NodeSettings
    /// Without redirection nobody comes to a proxy port: there are only the claimed ones.
    private let isRedirecting: Bool
    private var book: ProxyPortBook

    public init(_ settings: NodeSettings, isRedirecting: Bool = true) {
        self.settings = settings
        self.isRedirecting = isRedirecting
        book = ProxyPortBook(range: settings.proxyPorts, excluding: settings.nodePorts)
    }

    /// Takes over the proxy ports of a former process.
    public mutating func remember(_ doors: some Sequence<(id: ServicePortID, address: EndpointAddress)>) {
        for door in doors where door.address.ip.isUnspecified || door.address.ip == settings.bindAddress {
            book.remember(
                door.address.port, for: ProxyPortBook.Key(door.id.name, door.id.transport, door.id.list.policy))
        }
    }

    /// Gives up a proxy port that somebody else listens on; the next plan has another.
    public mutating func replaceProxyPort(of id: ServicePortID) {
        book.replace(ProxyPortBook.Key(id.name, id.transport, id.list.policy))
    }

    /// Ports that others held may be free again.
    public mutating func retryBusyPorts() {
        book.forgetBusy()
    }

    /// The plan for `ports`.
    public mutating func plan(_ ports: [ServicePort], on addresses: NodeAddresses) -> NodePlan {
        var plan = NodePlan()
        plan.addresses = addresses
        plan.proxyPorts = settings.proxyPorts
        plan.healthPorts = Set(ports.compactMap(\.healthCheck?.nodePort)).union([settings.healthPort].compactMap { $0 })
            .sorted()
        plan.preservesSource = settings.preservesSource && isRedirecting
        let preservation = plan.preservesSource ? SourcePreservation(excluded: addresses.notPreserved) : nil
        book.keep(only: Set(ports.flatMap { port in port.lists.map { key(port, $0.policy) } }))
        var claims: [Claim: ServicePortID] = [:]
        for port in ports {
            let proxy = isRedirecting ? proxyPorts(of: port, &plan.relay.problems) : nil
            if let proxy { plan.redirected.append(RedirectedPort(port: port, proxy: proxy)) }
            for list in port.lists {
                var doors: [PlannedDoor] = []
                if let proxy, let network = addresses.networks[list.family] {
                    let ip = network.bindAddress ?? list.family.unspecified
                    let number = list.policy == .local ? proxy.local : proxy.cluster
                    if let number {
                        doors.append(PlannedDoor(address: EndpointAddress(ip: ip, port: number), role: .proxy))
                    }
                }
                if list.policy == port.externalTrafficPolicy {
                    doors += claimed(by: port, list.family, addresses, &claims, &plan.relay.notes)
                }
                if !doors.isEmpty { plan.relay.ports.append(planned(port, list, doors, preservation)) }
            }
        }
        return plan
    }

    private func key(_ port: ServicePort, _ policy: TrafficPolicy) -> ProxyPortBook.Key {
        ProxyPortBook.Key(port.name, port.transport, policy)
    }

    /// The numbers of a service port's proxy ports; nil, and a problem, if there are none left.
    private mutating func proxyPorts(of port: ServicePort, _ problems: inout [Problem]) -> ProxyPorts? {
        let policies = Set(port.lists.map(\.policy))
        // Its addresses were refused: there is nothing to lead anywhere.
        if policies.isEmpty { return nil }
        var numbers: [TrafficPolicy: UInt16] = [:]
        for policy in TrafficPolicy.allCases where policies.contains(policy) {
            numbers[policy] = book.port(for: key(port, policy))
        }
        guard numbers.count == policies.count, let any = numbers[.cluster] ?? numbers[.local] else {
            problems.append(
                Problem(
                    .error, .resources, subject: "\(ServicePortID(port.name, port.transport))",
                    "it is not served, for no proxy port is left in \(settings.proxyPorts); "
                        + "choose a larger --proxy-port-range"))
            return nil
        }
        return ProxyPorts(cluster: numbers[.cluster] ?? any, local: numbers[.local])
    }

    private func planned(
        _ port: ServicePort, _ list: EndpointList, _ doors: [PlannedDoor], _ preservation: SourcePreservation?
    ) -> PlannedPort {
        let endpoints = port.endpoints.selection(for: list.family).endpoints(under: list.policy)
        var policy = ServicePolicy(port, balancing: settings.balancing)
        policy.sourcePreservation = preservation
        return PlannedPort(
            id: ServicePortID(port.name, port.transport, list),
            endpoints: endpoints.map {
                PlannedEndpoint(address: $0.address, podName: $0.podName ?? "", isLocal: $0.isLocal)
            }, doors: doors, policy: policy)
    }
}

// MARK: - Claimed ports

extension NodePlanner {
    private struct Claim: Hashable {
        let transport: TransportProtocol
        let address: EndpointAddress
    }

    /// Sockets at the node port, and at external addresses that are this node's own: they keep others from taking the
    /// ports, and serve whoever reaches them past the rules, as clients on this node do where there are none
    /// (docs/behaviour.md, B8.2).
    private func claimed(
        by port: ServicePort, _ family: IPAddress.Family, _ addresses: NodeAddresses,
        _ claims: inout [Claim: ServicePortID], _ notes: inout [String]
    ) -> [PlannedDoor] {
        let owner = ServicePortID(port.name, port.transport)
        var wanted = nodePortAddresses(of: port, family, addresses)
        let own = addresses.local[family] ?? []
        // Who may use a load-balancer address with source ranges is decided by the rules alone.
        let external = port.externalIPs + (port.sourceRanges(for: family).isEmpty ? port.loadBalancerIPs : [])
        wanted += external.filter { $0.family == family && own.contains($0) }
            .map { EndpointAddress(ip: $0, port: port.port) }
        return wanted.compactMap { address in
            let claim = Claim(transport: port.transport, address: address)
            if let other = claims[claim] {
                // An address may be external and the load balancer's at once.
                if other != owner { notes.append("\(owner): \(address) belongs to \(other) already") }
                return nil
            }
            claims[claim] = owner
            return PlannedDoor(address: address, role: .claim)
        }
    }

    private func nodePortAddresses(
        of port: ServicePort, _ family: IPAddress.Family, _ addresses: NodeAddresses
    ) -> [EndpointAddress] {
        guard let number = port.nodePort else { return [] }
        let ranges = settings.nodePortAddresses.ranges(for: family, primary: addresses.primary[family])
        let own = addresses.local[family] ?? []
        // A machine without the family has no address of it, not even ::1.
        guard !own.isEmpty else { return [] }
        let ips = ranges.isEmpty ? [family.unspecified] : own.filter { ip in ranges.contains { $0.contains(ip) } }
        return ips.map { EndpointAddress(ip: $0, port: number) }
    }
}

extension ServicePort {
    /// The lists of endpoints that clients of this service port are balanced over.
    ///
    /// The cluster IP goes by the internal traffic policy. What comes from outside goes by the external one, and what comes
    /// from this node and its pods to an external address by none.
    var lists: [EndpointList] {
        IPAddress.Family.allCases.flatMap { family -> [EndpointList] in
            let isExternal = nodePort != nil || (externalIPs + loadBalancerIPs).contains { $0.family == family }
            var policies: Set<TrafficPolicy> = isExternal ? [.cluster, externalTrafficPolicy] : []
            if clusterIPs.contains(where: { $0.family == family }) { policies.insert(internalTrafficPolicy) }
            return TrafficPolicy.allCases.filter(policies.contains).map { EndpointList(family, $0) }
        }
    }
}

extension IPAddress.Family {
    /// `0.0.0.0` or `::`.
    var unspecified: IPAddress { self == .ipv4 ? IPAddress(v4: 0) : IPAddress(v6High: 0, low: 0) }
}
