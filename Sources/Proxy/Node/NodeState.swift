internal import Balancing
internal import Base
internal import Cluster
internal import Objects
internal import Redirect
internal import Resolution
internal import Status

/// What a node is to serve and how far that has got, by Service. A value: what opens sockets, runs programs or waits is
/// ``NodeProxy``'s affair.
struct NodeState: Sendable {
    let settings: NodeSettings
    /// Whether the kernel leads traffic here. Without that there are claimed ports only.
    let isRedirecting: Bool
    private(set) var resolver: Resolver
    private(set) var planner: NodePlanner
    private(set) var services: [ObjectKey: NodeService] = [:]
    private(set) var sums = NodeSums()
    private(set) var shortage = ListenerShortage()
    /// Services for which another attempt may succeed.
    private(set) var troubled: Set<ObjectKey> = []
    /// What rules may still lead to besides what is planned, of Services that changed since the rules were in force.
    private(set) var left: [ObjectKey: Left] = [:]
    /// Services that something matters to which nobody has been told of yet: what rules captured is free.
    private(set) var affected: Set<ObjectKey> = []
    /// Services of which the kernel was told something else last.
    private var untold: Set<ObjectKey> = []
    /// How often something was planned.
    private(set) var round = 0

    struct Left: Sendable {
        var ports: [PlannedPort]
        /// When the Service was planned last.
        var round: Int
    }

    /// - Parameters:
    ///   - memory: what Services have had before.
    ///   - planner: one that remembers what was given to them; nil for one that remembers nothing.
    init(
        _ settings: NodeSettings, isRedirecting: Bool, remembering memory: Resolver.Memory = Resolver.Memory(),
        planner: NodePlanner? = nil
    ) {
        self.settings = settings
        self.isRedirecting = isRedirecting
        self.planner = planner ?? NodePlanner(settings, isRedirecting: isRedirecting)
        resolver = Resolver(
            ResolutionContext(nodeName: settings.nodeName, safety: self.planner.addresses.safety(settings)),
            remembering: memory)
    }

    mutating func remember(_ doors: some Sequence<(id: ServicePortID, address: EndpointAddress)>) {
        planner.remember(doors)
    }

    // MARK: What changes

    /// - Parameter look: the node's addresses, as far as they depend on its object.
    /// - Returns: the Services to be planned again.
    mutating func take(_ changes: ObjectChanges, _ look: (Node?, NodeAddresses) -> NodeAddresses) -> Set<ObjectKey> {
        // Before the changes, which would be resolved twice otherwise.
        let everything = goBy(look(node(after: changes), planner.addresses))
        let dirty = resolver.apply(changes)
        return everything ? dirty.union(all) : dirty
    }

    /// It is time to try again what did not work.
    ///
    /// - Returns: the Services to be planned again.
    mutating func retry(_ look: (Node?, NodeAddresses) -> NodeAddresses) -> Set<ObjectKey> {
        planner.retryBusyPorts()
        return goBy(look(node(after: ObjectChanges()), planner.addresses)) ? all : troubled.union(affected)
    }

    /// The rules are what was planned by a round: nobody leads to what was left by then.
    ///
    /// - Parameter revision: of the resolution at that time.
    /// - Returns: the Services whose doors are to be closed. Others may be ``affected`` now.
    mutating func rulesAreInForce(of round: Int, _ revision: Int) -> Set<ObjectKey> {
        let settled = left.filter { $0.value.round <= round }.keys
        for key in settled { left.take(key) }
        affected.formUnion(resolver.rulesAreInForce(of: revision))
        return Set(settled)
    }

    private var all: Set<ObjectKey> { Set(resolver.services.keys).union(services.keys) }

    private func node(after changes: ObjectChanges) -> Node? {
        let id = ObjectID(.node, ObjectKey(namespace: "", name: settings.nodeName))
        return switch changes.objects[id] {
        case .some(.node(let node)?): node
        case .some: nil
        case nil: resolver.store.node(settings.nodeName)
        }
    }

    /// - Returns: whether all Services are to be planned again.
    private mutating func goBy(_ addresses: NodeAddresses) -> Bool {
        guard addresses != planner.addresses else { return false }
        planner.addresses = addresses
        var context = resolver.context
        context.safety = addresses.safety(settings)
        _ = resolver.update(context)
        return true
    }

    // MARK: Planning

    /// Plans these Services again, and those that can have what they leave.
    ///
    /// - Returns: what the relay is to serve of each Service that is concerned; nothing for one that is gone.
    mutating func plan(_ dirty: Set<ObjectKey>) -> [ObjectKey: [PlannedPort]] {
        round += 1
        var keys = dirty.union(affected)
        affected = []
        // What a former process has handed over for Services that are gone is given back.
        if round == 1 { keys.formUnion(planner.servicesWithProxyPorts) }
        // In their order, so that the same Services get the same proxy ports after a restart.
        for key in keys.sorted() { plan(key) }
        let next = planner.nextInLine().subtracting(keys)
        for key in next.sorted() { plan(key) }
        keys.formUnion(next)
        keys.formUnion(giveWay(to: keys))
        keys.formUnion(shortage.nextInLine(keys) { services[$0]?.plan.ports ?? [] })
        return wanted(keys)
    }

    /// What the relay is to serve of these Services.
    func wanted(_ keys: Set<ObjectKey>) -> [ObjectKey: [PlannedPort]] {
        Dictionary(
            uniqueKeysWithValues: keys.map { key in
                (key, (services[key]?.plan.ports ?? []).keeping(left[key]?.ports ?? []))
            })
    }

    private mutating func plan(_ key: ObjectKey) {
        let old = services[key]
        let ports = resolver.services[key]?.ports ?? []
        var new = old ?? NodeService()
        new.plan = planner.plan(key, ports)
        new.resolved(as: ports, key)
        if isRedirecting {
            let before = (old?.openPorts ?? []).keeping(left[key]?.ports ?? [])
            let isCovered = before.places.isSubset(of: new.plan.ports.places)
            left[key] = isCovered ? nil : Left(ports: before, round: round)
        }
        sums.replace(old, with: new)
        services[key] = new
    }

    /// What is left gives way to what is wanted at its place.
    ///
    /// - Returns: the Services that this closes doors of.
    private mutating func giveWay(to keys: Set<ObjectKey>) -> Set<ObjectKey> {
        guard !left.isEmpty else { return [] }
        let places = keys.reduce(into: Set<DoorPlace>()) { $0.formUnion(services[$1]?.plan.ports.places ?? []) }
        var others: Set<ObjectKey> = []
        for (key, entry) in left {
            guard let rest = entry.ports.leaving(places) else { continue }
            left[key] = rest.isEmpty ? nil : Left(ports: rest, round: entry.round)
            others.insert(key)
        }
        return others
    }

    // MARK: What has come of it

    /// The relay serves these Services so now.
    ///
    /// - Parameter isHeld: finds the program of this node that has a port.
    /// - Returns: the Services that are to be planned again, since others listen at their proxy ports.
    mutating func served(
        _ statuses: [ObjectKey: [PortStatus]], holder: (EndpointAddress, TransportProtocol) -> String?
    ) -> Set<ObjectKey> {
        var busy: Set<ObjectKey> = []
        for (key, status) in statuses {
            guard var service = services[key] else { continue }
            service.status = status
            service.held = []
            let portals = service.plan.portals(on: planner.addresses, status) { address, owner in
                guard let holder = holder(address, owner.transport) else { return false }
                service.held.append(
                    Problem(
                        .error, .listener, subject: "\(owner)",
                        "\(address) is not redirected: it is this node's own, and held by \(holder)"))
                return true
            }
            let kernel = KernelService(portals: portals, carried: portals.isEmpty ? [] : service.plan.carried)
            if isRedirecting, kernel != service.kernel { untold.insert(key) }
            service.kernel = kernel
            for port in service.plan.ports where replaceProxyPort(of: port, status) { busy.insert(key) }
            shortage.update(key, status)
            if service.isTroubled { troubled.insert(key) } else { troubled.remove(key) }
            let isGone = resolver.services[key] == nil && status.isEmpty
            services.replace(key, with: isGone ? nil : service)
        }
        return busy
    }

    /// - Returns: whether somebody else listens there.
    private mutating func replaceProxyPort(of port: PlannedPort, _ statuses: [PortStatus]) -> Bool {
        let taken = statuses.first { $0.id == port.id }?.doors.filter(\.isInUse) ?? []
        let isBusy = port.doors.contains { door in
            door.role == .proxy && taken.contains { $0.wanted == door.address }
        }
        if isBusy { planner.replaceProxyPort(of: port.id) }
        return isBusy
    }

    /// What the kernel is to do for those Services for which it is something else than when this was last called.
    mutating func takeUntold() -> [ObjectKey: KernelService] {
        defer { untold = [] }
        return Dictionary(uniqueKeysWithValues: untold.map { ($0, services[$0]?.kernel ?? []) })
    }

    /// What the rules have to know of the node apart from its Services.
    var redirection: NodeRedirection {
        NodeRedirection(
            networks: planner.addresses.networks, proxyPorts: settings.proxyPorts.ports,
            healthPorts: Set(sums.healthPorts.keys).union([settings.healthPort].compactMap(\.self)).sorted(),
            preservesSource: planner.preservesSource, redirects: settings.carriage == nil,
            carriage: settings.carriage)
    }
}
