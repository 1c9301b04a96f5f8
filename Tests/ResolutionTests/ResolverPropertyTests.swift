import Base
import Cluster
import Objects
import Resolution
import TestSupport
import Testing

/// The one property that all of it stands for: after any sequence of changes, a resolver that was told of each has what one
/// has that is told of everything at once and remembers the same; and it has looked only at what a change can matter to.
@Suite("Whatever happens, resolving what changed comes to the same as resolving everything")
struct ResolverPropertyTests {
    @Test("On a node", arguments: batches(20)) func node(seeds: ClosedRange<UInt64>) {
        let context = ResolutionContext(nodeName: "here", safety: NodeSafety(), resolvesHeadless: true)
        let property = property(context, events: 10)
        for seed in seeds { property.verify(seed: seed) }
    }

    @Test("On a node, for long", arguments: UInt64(1)...30) func longOnNode(seed: UInt64) {
        property(ResolutionContext(nodeName: "here", safety: NodeSafety()), events: 150).verify(seed: seed)
    }

    @Test("On a node with many Services", arguments: UInt64(1)...10) func largeNode(seed: UInt64) {
        property(ResolutionContext(nodeName: "here", safety: NodeSafety()), events: 120, size: 40).verify(seed: seed)
    }

    @Test("On a developer's machine", arguments: batches(3)) func development(seeds: ClosedRange<UInt64>) {
        let property = property(ResolutionContext(servesUnassigned: true, resolvesHeadless: true), events: 10)
        for seed in seeds { property.verify(seed: seed) }
    }

    @Test("At least a third of what happens changes what Services claim")
    func aboutClaims() {
        var (changes, touching) = (0, 0)
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed)
            var resolver = Resolver(ResolutionContext(nodeName: "here", safety: NodeSafety()))
            for case .change(let change) in World.events(40, &random) {
                let before = resolver.memory.holders
                _ = resolver.apply(change)
                changes += 1
                if resolver.memory.holders != before { touching += 1 }
            }
        }
        #expect(touching * 3 >= changes, "\(touching) of \(changes)")
    }

    private func property(
        _ context: ResolutionContext, events count: Int, size: Int = 6
    ) -> SequenceProperty<World.Event> {
        SequenceProperty {
            World.events(count, size: size, &$0)
        } holds: { events in
            var run = Run(context, World(size: size))
            for event in events {
                if let failure = run.failure(after: event) { return failure }
            }
            return nil
        }
    }
}

/// Seeds by the hundred: thousands of tests of a millisecond each would spend their time on being counted.
private func batches(_ count: UInt64) -> [ClosedRange<UInt64>] { (0..<count).map { ($0 * 100 + 1)...($0 * 100 + 100) } }

/// A resolver and the world that it is told of.
private struct Run {
    private var world: World
    private var resolver: Resolver
    private var revisions: [Int] = [0]

    init(_ context: ResolutionContext, _ world: World) {
        self.world = world
        resolver = Resolver(context)
    }

    /// What is wrong after an event.
    mutating func failure(after event: World.Event) -> String? {
        let (before, old) = (world, resolver)
        world.take(event)
        let changed: Set<ObjectKey>
        switch event {
        case .change(let changes): changed = resolver.apply(changes)
        case .ownAddresses(let addresses):
            var context = resolver.context
            if context.safety != nil { context.safety = NodeSafety(addresses: addresses) }
            changed = resolver.update(context)
        case .rulesInForce(let lag):
            changed = resolver.rulesAreInForce(of: revisions.dropLast(lag).last ?? 0)
        }
        revisions.append(resolver.revision)

        // Rules that are in force are forgotten; nobody who begins now can know of them.
        let memory = if case .rulesInForce = event { resolver.memory } else { old.memory }
        var afresh = Resolver(resolver.context, remembering: memory)
        _ = afresh.apply(world.everything)
        for key in Set(resolver.services.keys).union(afresh.services.keys).sorted()
        where resolver.services[key] != afresh.services[key] {
            return "\(key) is \(show(resolver.services[key]))\nand from scratch \(show(afresh.services[key]))"
        }
        if resolver.memory != afresh.memory {
            return "what is remembered is \(resolver.memory)\nand from scratch \(afresh.memory)"
        }
        if resolver.strayNotes != afresh.strayNotes { return "stray slices are \(resolver.strayNotes)" }
        let differing = Set(old.services.keys).union(resolver.services.keys)
            .filter { old.services[$0] != resolver.services[$0] }
        if changed != differing {
            return "said to have changed: \(changed.sorted()), but that has \(differing.sorted())"
        }

        let bound = Neighbourhood(from: before, to: world, in: resolver.context, former: old.memory.former)
        guard resolver.lastResolved <= bound.services.count else {
            return "\(resolver.lastResolved) Services were resolved, and it may matter to \(bound.services.sorted())"
        }
        return nil
    }

    private func show(_ service: ResolvedService?) -> String {
        service.map { "\($0.ports) \($0.notes) \($0.headless ?? [])" } ?? "not there"
    }
}

/// The Services that a change can matter to, by a look at everything.
private struct Neighbourhood {
    private(set) var services: Set<ObjectKey> = []

    private struct Moment {
        let world: World
        let context: ResolutionContext
        var services: [Service] = []
        var nodeAddresses: Set<IPAddress>
        var zone: String?

        init(_ world: World, _ context: ResolutionContext) {
            self.world = world
            self.context = context
            nodeAddresses = world.ownAddresses
            for object in world.objects.values {
                switch object {
                case .service(let service): services.append(service)
                case .node(let node):
                    nodeAddresses.formUnion(node.addresses)
                    if node.metadata.name == context.nodeName { zone = node.zone }
                default: break
                }
            }
        }
    }

    init(
        from before: World, to after: World, in context: ResolutionContext, former: [PortalAddress: ObjectKey]
    ) {
        let moments = [Moment(before, context), Moment(after, context)]
        for id in Set(before.objects.keys).union(after.objects.keys) where before.objects[id] != after.objects[id] {
            for (world, moment) in zip([before, after], moments) {
                if let object = world.objects[id] { services.formUnion(named(by: object, moment)) }
            }
        }
        if moments[0].zone != moments[1].zone {
            for case .endpointSlice(let slice) in Array(after.objects.values)
            where slice.endpoints.contains(where: { !$0.zoneHints.isEmpty }) {
                services.formUnion(named(by: .endpointSlice(slice), moments[1]))
            }
        }
        guard context.safety != nil else { return }
        let addresses = moments[0].nodeAddresses.symmetricDifference(moments[1].nodeAddresses)
        for service in moments[1].services
        where !addresses.isDisjoint(with: service.spec.clusterIPs.compactMap(\.address)) {
            services.insert(service.metadata.key)
        }
        services.formUnion(dialling(moments[1]) { addresses.contains($0) })

        // What one of them wants, others may want or dial; so may what rules lead to no longer.
        var places = Set(former.keys)
        for moment in moments {
            for service in moment.services where services.contains(service.metadata.key) {
                places.formUnion(wanted(by: service))
            }
        }
        for service in moments.flatMap(\.services) where !places.isDisjoint(with: wanted(by: service)) {
            services.insert(service.metadata.key)
        }
        let ips = Set(
            places.flatMap { place -> [IPAddress] in
                switch place {
                case .address(let address, _): [address.ip]
                case .nodePort: Array(moments[1].nodeAddresses)
                case .healthCheck: []
                }
            })
        services.formUnion(dialling(moments[1]) { ips.contains($0) })
    }

    private func named(by object: ClusterObject, _ moment: Moment) -> [ObjectKey] {
        switch object {
        case .service(let service): return [service.metadata.key]
        case .endpointSlice(let slice):
            return [ObjectKey(namespace: slice.metadata.namespace, name: slice.serviceName ?? "")]
        case .endpoints(let object): return [object.metadata.key]
        case .pod(let pod):
            return moment.services.filter { service in
                service.metadata.namespace == pod.metadata.namespace && !service.spec.selector.isEmpty
                    && service.spec.selector.allSatisfy { pod.metadata.labels[$0.key] == $0.value }
            }.map(\.metadata.key)
        case .node, .workload: return []
        }
    }

    private func dialling(_ moment: Moment, _ isWanted: (IPAddress) -> Bool) -> Set<ObjectKey> {
        var found: Set<ObjectKey> = []
        for object in moment.world.objects.values {
            let addresses: [IPAddress] =
                switch object {
                case .endpointSlice(let slice): slice.endpoints.compactMap(\.address)
                case .endpoints(let object):
                    object.subsets.flatMap { $0.addresses + $0.notReadyAddresses }.map(\.ip)
                case .pod(let pod): pod.status.podIPs
                default: []
                }
            if addresses.contains(where: isWanted) { found.formUnion(named(by: object, moment)) }
        }
        return found
    }

    private func wanted(by service: Service) -> Set<PortalAddress> {
        let external = service.spec.externalIPs + service.status.loadBalancer.ingress.compactMap(\.ip)
        let ips = service.spec.clusterIPs.compactMap(\.address) + external.compactMap { IPAddress($0) }
        var places: Set<PortalAddress> = []
        for port in service.spec.ports {
            for ip in ips { places.insert(.address(EndpointAddress(ip: ip, port: port.port), port.transport)) }
            if let number = port.nodePort { places.insert(.nodePort(number, port.transport)) }
        }
        if let number = service.spec.healthCheckNodePort { places.insert(.healthCheck(number)) }
        return places
    }
}
