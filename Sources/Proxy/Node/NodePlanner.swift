public import Balancing
public import Base
public import Objects
internal import Redirect
public import Resolution

/// Plans for a node. Every service port gets a proxy port, to which the firewall leads the traffic of its portals, with
/// a list of endpoints for each family and traffic policy; its node port is claimed by a socket that serves it too. Where
/// the kernel carries Services by itself there are only the claims.
///
/// A plan follows from the Service's ports and the node's addresses, but for the numbers of the proxy ports, which are
/// remembered.
public struct NodePlanner: Sendable {
    private let settings: NodeSettings
    /// Whether the kernel has a part in it. If not, nobody comes to a proxy port: there are only the claimed ones.
    private let isRedirecting: Bool
    private var isCarried: Bool { isRedirecting && settings.carriage != nil }
    private var book: ProxyPortBook
    /// What plans go by. After a change all Services are to be planned again.
    public var addresses = NodeAddresses() {
        didSet { preservation = preserving(addresses) }
    }
    private var preservation: SourcePreservation?

    public init(_ settings: NodeSettings, isRedirecting: Bool = true) {
        self.settings = settings
        self.isRedirecting = isRedirecting
        book = ProxyPortBook(range: settings.proxyPorts, excluding: settings.nodePorts)
        preservation = preserving(addresses)
    }

    var preservesSource: Bool { settings.preservesSource && isRedirecting && !isCarried }

    private func preserving(_ addresses: NodeAddresses) -> SourcePreservation? {
        preservesSource ? SourcePreservation(excluded: addresses.notPreserved) : nil
    }

    // MARK: Proxy ports

    /// Takes over the proxy ports of a former process.
    public mutating func remember(_ doors: some Sequence<(id: ServicePortID, address: EndpointAddress)>) {
        for door in doors where door.address.ip.isUnspecified || door.address.ip == settings.bindAddress {
            book.remember(
                door.address.port, for: ProxyPortBook.Key(door.id.name, door.id.transport, door.id.list.policy))
        }
    }

    /// Services that have proxy ports. One that is gone gives them back when it is planned without ports.
    var servicesWithProxyPorts: some Collection<ObjectKey> { book.services }

    /// Gives up a proxy port that somebody else listens on; the next plan has another.
    public mutating func replaceProxyPort(of id: ServicePortID) {
        book.replace(ProxyPortBook.Key(id.name, id.transport, id.list.policy))
    }

    /// Ports that others held may be free again.
    public mutating func retryBusyPorts() {
        book.forgetBusy()
    }

    /// Services that lack a proxy port and are worth another plan, since ports were given back.
    mutating func nextInLine() -> Set<ObjectKey> { book.nextInLine() }

    private func key(_ port: ServicePort, _ policy: TrafficPolicy) -> ProxyPortBook.Key {
        ProxyPortBook.Key(port.name, port.transport, policy)
    }

    // MARK: Plans

    /// The plan for one Service, which gives back what it does not need any more.
    ///
    /// - Parameter ports: none if the Service is gone.
    public mutating func plan(_ service: ObjectKey, _ ports: [ServicePort]) -> ServicePlan {
        var plan = ServicePlan()
        book.keep(only: Set(ports.flatMap { port in port.lists.map { key(port, $0.policy) } }), of: service)
        for port in ports {
            let proxy = isRedirecting && !isCarried ? proxyPorts(of: port, &plan.problems) : nil
            if isCarried {
                plan.carried.append(port)
                plan.problems += [lost(of: port)].compactMap(\.self)
            }
            if let proxy {
                plan.redirected.append(
                    RedirectedPort(portals: Portal.portals(of: port, proxy: proxy), proxy: proxy))
            }
            for list in port.lists {
                var doors: [PlannedDoor] = []
                if let proxy, let network = addresses.networks[list.family] {
                    let ip = network.bindAddress ?? list.family.unspecified
                    let number = list.policy == .local ? proxy.local : proxy.cluster
                    if let number {
                        doors.append(PlannedDoor(address: EndpointAddress(ip: ip, port: number), role: .proxy))
                    }
                }
                if list.policy == port.externalTrafficPolicy { doors += claimed(by: port, list.family) }
                // What the kernel carries is known here too, so that people see it.
                if !doors.isEmpty || isCarried { plan.ports.append(planned(port, list, doors)) }
            }
        }
        return plan
    }

    /// What a service port asks of the relay, which does not carry it.
    private func lost(of port: ServicePort) -> Problem? {
        let names = port.options.forRelay
        guard !names.isEmpty else { return nil }
        return Problem(
            .warning, .object, subject: "\(ServicePortID(port.name, port.transport))",
            "\(names.joined(separator: ", ")): no effect in the iptables mode, where the kernel carries it")
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
                    "it is not served, because no proxy port is left in \(settings.proxyPorts); "
                        + "choose a larger --proxy-port-range"))
            return nil
        }
        return ProxyPorts(cluster: numbers[.cluster] ?? any, local: numbers[.local])
    }

    private func planned(_ port: ServicePort, _ list: EndpointList, _ doors: [PlannedDoor]) -> PlannedPort {
        let endpoints = port.endpoints.selection(for: list.family).endpoints(under: list.policy)
        var policy = ServicePolicy(port, balancing: settings.balancing)
        policy.sourcePreservation = preservation
        return PlannedPort(
            id: ServicePortID(port.name, port.transport, list), endpoints: endpoints, doors: doors, policy: policy)
    }
}

// MARK: - Claimed ports

extension NodePlanner {
    /// Sockets at the node port, and at external addresses that are this node's own: they keep others from taking the
    /// ports, and serve whoever reaches them past the rules, as clients on this node do where there are none.
    /// Resolution sees to it that no two Services have the same.
    private func claimed(by port: ServicePort, _ family: IPAddress.Family) -> [PlannedDoor] {
        let own = addresses.local[family] ?? []
        // Who may use a load-balancer address with source ranges is decided by the rules alone.
        let external = port.externalIPs + (port.sourceRanges(for: family).isEmpty ? port.loadBalancerIPs : [])
        var doors: [PlannedDoor] = []
        for address in nodePortAddresses(of: port, family)
            + external.filter({ $0.family == family && own.contains($0) })
            .map({ EndpointAddress(ip: $0, port: port.port) })
        {
            let door = PlannedDoor(address: address, role: .claim)
            // An address may be external and the load balancer's at once.
            if !doors.contains(door) { doors.append(door) }
        }
        return doors
    }

    private func nodePortAddresses(of port: ServicePort, _ family: IPAddress.Family) -> [EndpointAddress] {
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
    /// The cluster IP goes by the internal traffic policy. What comes from outside goes by the external one, and what
    /// comes from this node and its pods to an external address by none.
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
