internal import Base
public import Cluster
public import Objects

/// Works out what is served on a node: which service ports, at which addresses, by which endpoints (docs/behaviour.md,
/// B2 and B3).
///
/// A value that is told what changes. It resolves those Services again that a change may matter to, and no others: the
/// ones that changed objects describe, and their neighbours through what they share, which is
/// - the addresses and ports that only one Service can have on a node: ``ClaimTable`` says who has them;
/// - endpoints that are such an address of another Service, and are refused;
/// - the addresses and the zone of Nodes.
///
/// What it has worked out depends only on the objects that there are, on the context, and on what it remembers:
/// ``memory``.
public struct Resolver: Sendable {
    public private(set) var context: ResolutionContext
    public private(set) var store = ClusterStore()
    /// Of every Service that there is.
    public private(set) var services: [ObjectKey: ResolvedService] = [:]
    /// How many Services the last change made it look at again.
    public private(set) var lastResolved = 0
    /// The number of the latest resolution, for ``rulesAreInForce(of:)``.
    public private(set) var revision = 0

    /// Empty on a developer's machine.
    private(set) var claims: ClaimTable<PortalAddress, ObjectKey>
    private(set) var former: FormerPortals
    private(set) var place: TopologyPlace
    /// To be looked at with the next change, whatever that is.
    private var pending: Set<ObjectKey>

    /// What counts besides the objects that there are: what was before.
    public struct Memory: Sendable, Equatable {
        /// Who has what only one may have. A holder keeps it for as long as it wants it.
        public var holders: [PortalAddress: ObjectKey] = [:]
        /// What Services had, where the kernel's rules may still lead.
        public var former: [PortalAddress: ObjectKey] = [:]

        public init() {}
    }

    public init(_ context: ResolutionContext = ResolutionContext(), remembering memory: Memory = Memory()) {
        self.context = context
        place = TopologyPlace(node: context.nodeName, zone: context.zone)
        claims = ClaimTable(holders: context.safety == nil ? [:] : memory.holders)
        former = FormerPortals(context.safety == nil ? [:] : memory.former)
        pending = Set(claims.claimants)
    }

    public var memory: Memory {
        var memory = Memory()
        memory.holders = claims.holders
        memory.former = former.owners
        return memory
    }

    // MARK: Changes

    /// Takes in what has changed about objects.
    ///
    /// - Returns: the Services whose result differs now; those that are gone are among them.
    public mutating func apply(_ changes: ObjectChanges) -> Set<ObjectKey> {
        let dirty = store.apply(changes)
        var keys = dirty.keys
        for address in dirty.nodeAddresses where context.safety?.addresses.contains(address) == false {
            keys.formUnion(neighbours(ofNodeAddress: address))
        }
        return resolve(keys.union(updatePlace()))
    }

    /// Goes by another context from now on.
    ///
    /// - Returns: the Services whose result differs now.
    public mutating func update(_ context: ResolutionContext) -> Set<ObjectKey> {
        let old = self.context
        self.context = context
        guard old.isOfSameKind(as: context) else {
            if context.safety == nil { (claims, former) = (ClaimTable(), FormerPortals()) }
            _ = updatePlace()
            return resolve(Set(store.serviceKeys).union(services.keys))
        }
        var keys = updatePlace()
        let addresses = context.safety?.addresses ?? []
        for address in addresses.symmetricDifference(old.safety?.addresses ?? [])
        where !store.isNodeAddress(address) {
            keys.formUnion(neighbours(ofNodeAddress: address))
        }
        return resolve(keys)
    }

    /// The kernel's rules are what the resolution of this ``revision`` asked for: what Services had given up by then
    /// leads to nobody any more, and may be dialled. To be called also where there are no rules.
    ///
    /// - Returns: the Services whose result differs now.
    public mutating func rulesAreInForce(of revision: Int) -> Set<ObjectKey> {
        let places = former.removeAll(upTo: revision)
        return resolve(places.reduce(into: []) { $0.formUnion(neighbours(of: $1)) })
    }

    /// - Returns: the Services that it matters to where this node is, if that has changed.
    private mutating func updatePlace() -> Set<ObjectKey> {
        let zone = context.zone ?? context.nodeName.flatMap { store.node($0)?.zone }
        let now = TopologyPlace(node: context.nodeName, zone: zone)
        defer { place = now }
        return now == place ? [] : store.servicesWithZoneHints()
    }

    // MARK: Resolving

    /// Resolves Services, and those that are their neighbours through what changes hands.
    private mutating func resolve(_ keys: Set<ObjectKey>) -> Set<ObjectKey> {
        var dirty = keys.union(pending)
        pending = []
        revision += 1
        if context.safety != nil {
            let outcome = claims.update(Dictionary(uniqueKeysWithValues: dirty.map { ($0, wish(of: $0)) }))
            dirty.formUnion(outcome.affected)
            for (place, holder) in outcome.moved {
                if let holder { former.insert(place, of: holder, at: revision) }
                dirty.formUnion(neighbours(of: place))
            }
        }
        lastResolved = dirty.count
        return dirty.filter { key in
            let result = store.service(key).map { resolved($0) }
            guard result != services[key] else { return false }
            services.replace(key, with: result)
            return true
        }
    }
}

extension ResolutionContext {
    /// Whether the other one differs at most in what can be seen to matter to few Services: the zone and the node's
    /// addresses.
    fileprivate func isOfSameKind(as other: ResolutionContext) -> Bool {
        var copy = other
        copy.zone = zone
        if let safety, copy.safety != nil { copy.safety?.addresses = safety.addresses }
        return copy == self
    }
}

// MARK: - All at once

extension Resolver {
    /// What concerns no Service: EndpointSlices that belong to none.
    public var strayNotes: [ResolutionNote] {
        store.strays.sorted().map {
            ResolutionNote(
                .warning, subject: "EndpointSlice \($0)", text: "no label \(WellKnownLabel.serviceName), ignored")
        }
    }

    /// The results of all Services together. Takes time in proportion to how many there are.
    public var resolution: Resolution {
        var resolution = Resolution()
        for (_, service) in services.sorted(by: { $0.key < $1.key }) {
            resolution.ports += service.ports
            resolution.notes += service.notes
        }
        resolution.notes += strayNotes
        return resolution
    }
}
