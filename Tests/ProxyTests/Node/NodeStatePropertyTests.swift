import Balancing
import Base
import Cluster
import Host
import Objects
import Redirect
import Resolution
import Status
import TestSupport
import Testing

@testable import Proxy

/// The property that resolution has, for all that follows from it: after any sequence of changes a node that was told of each wants, does
/// and says what one does that is told of everything at once and remembers the same.
@Suite("Whatever happens, planning what changed comes to the same as planning everything")
struct NodeStatePropertyTests {
    @Test("Short sequences", arguments: (0..<10).map { ($0 * 100 + 1)...($0 * 100 + 100) })
    func short(seeds: ClosedRange<UInt64>) {
        let property = property(events: 10, proxyPorts: ProxyPortRange.standard)
        for seed in seeds { property.verify(seed: seed) }
    }

    @Test("For long, and with too few proxy ports", arguments: UInt64(1)...20) func long(seed: UInt64) {
        property(events: 120, proxyPorts: ProxyPortRange(ports: 20_000...20_005)).verify(seed: seed)
    }

    private func property(events count: Int, proxyPorts: ProxyPortRange) -> SequenceProperty<World.Event> {
        SequenceProperty {
            World.events(count, &$0)
        } holds: { events in
            var run = Run(proxyPorts)
            run.begin()
            for event in events {
                if let failure = run.failure(after: event) { return failure }
            }
            return nil
        }
    }
}

/// A node that is told of what happens in a world, with a relay and a kernel that do what they are told.
private struct Run {
    private let settings: NodeSettings
    private var world = World()
    private var state: NodeState
    private var relay: [ObjectKey: [PlannedPort]] = [:]
    private var kernel: [ObjectKey: [Portal]] = [:]
    private var told: [ObjectKey: ServedService] = [:]
    /// What was planned and resolved after each event.
    private var moments: [(round: Int, revision: Int)] = [(0, 0)]

    init(_ proxyPorts: ProxyPortRange) {
        var settings = NodeSettings(nodeName: "here")
        settings.proxyPorts = proxyPorts
        self.settings = settings
        state = NodeState(settings, isRedirecting: true)
    }

    /// The node looks around before anything is there.
    mutating func begin() { serve(state.take(ObjectChanges(), look)) }

    private func look(_ node: Node?, _ former: NodeAddresses) -> NodeAddresses {
        let own = world.ownAddresses.sorted().map { NetworkInterfaces.Address("eth0", $0) }
        // The Node's own words are left out: then an event changes either objects or addresses, and what was before is plain.
        return NodeAddresses(
            NetworkInterfaces(addresses: [.init("eth0", ip("172.16.0.1"))] + own), node: nil, settings, after: former)
    }

    /// What is wrong after an event.
    mutating func failure(after event: World.Event) -> String? {
        let old = state
        world.take(event)
        var memory = old.resolver.memory
        switch event {
        case .change(let changes): serve(state.take(changes, look))
        case .ownAddresses: serve(state.retry(look))
        case .rulesInForce(let lag):
            let moment = moments.dropLast(lag).last ?? (0, 0)
            let settled = state.rulesAreInForce(of: moment.round, moment.revision)
            memory = state.resolver.memory
            carryOut(state.wanted(settled))
            serve([])
        }
        moments.append((state.round, state.resolver.revision))
        return difference(from: memory, old.planner) ?? excess()
    }

    private mutating func serve(_ dirty: Set<ObjectKey>) { carryOut(state.plan(dirty)) }

    /// The relay opens all that is wanted, and the kernel is told.
    private mutating func carryOut(_ wanted: [ObjectKey: [PlannedPort]]) {
        _ = state.served(wanted.mapValues(Self.open)) { _, _ in nil }
        for (key, ports) in wanted {
            relay[key] = ports.isEmpty ? nil : ports
            let portals = state.services[key]?.kernel.portals ?? []
            kernel[key] = portals.isEmpty ? nil : portals
        }
        for (key, service) in state.served(Set(wanted.keys), limit: 1024).services { told[key] = service }
    }

    private static func open(_ ports: [PlannedPort]) -> [PortStatus] {
        ports.map { port in
            PortStatus(
                id: port.id, endpoints: port.endpoints,
                doors: port.doors.map { DoorStatus(wanted: $0.address, listening: $0.address, problem: nil) })
        }
    }

    /// How it differs from a node that is told everything at once.
    private func difference(from memory: Resolver.Memory, _ planner: NodePlanner) -> String? {
        var (afresh, planner) = (Run(settings.proxyPorts), planner)
        afresh.world = world
        planner.addresses = state.planner.addresses
        afresh.state = NodeState(settings, isRedirecting: true, remembering: memory, planner: planner)
        afresh.serve(afresh.state.take(world.everything, look))
        for key in Set(told.keys).union(afresh.told.keys).union(kernel.keys).sorted() {
            if told[key] != afresh.told[key] {
                return "\(key) is said to be \(show(told[key]))\nand from scratch \(show(afresh.told[key]))"
            }
            let (plan, other) = (state.services[key]?.plan, afresh.state.services[key]?.plan)
            if plan != other { return "\(key) is planned as \(show(plan))\nand from scratch \(show(other))" }
            if kernel[key] != afresh.kernel[key] {
                return "the kernel has of \(key) \(show(kernel[key]))\nand from scratch \(show(afresh.kernel[key]))"
            }
            // Doors that rules may still lead to come on top.
            let missing = (afresh.relay[key] ?? []).filter { port in
                let here = relay[key]?.first { $0.id == port.id }
                return here?.endpoints != port.endpoints || here?.policy != port.policy
                    || !Set(port.doors).isSubset(of: here?.doors ?? [])
            }
            if !missing.isEmpty { return "the relay lacks \(missing) of \(key), and has \(show(relay[key]))" }
        }
        if state.redirection != afresh.state.redirection { return "the rules are told \(state.redirection)" }
        if state.sums != afresh.state.sums {
            return "the sums are \(state.sums)\nand from scratch \(afresh.state.sums)"
        }
        if state.troubled != afresh.state.troubled { return "in trouble are \(state.troubled)" }
        return nil
    }

    /// What is open that nobody wants and no rule leads to.
    private func excess() -> String? {
        for (key, ports) in relay {
            let doors = Set(ports.flatMap(\.doors))
            let wanted = Set((state.services[key]?.plan.ports ?? []).flatMap(\.doors))
                .union((state.left[key]?.ports ?? []).flatMap(\.doors))
            if !doors.isSubset(of: wanted) { return "\(key) has doors too many: \(doors.subtracting(wanted))" }
        }
        // Of two Services with a door at one place the kernel would give clients to either.
        var owners: [DoorPlace: ObjectKey] = [:]
        for (key, ports) in relay {
            for place in ports.places where owners.updateValue(key, forKey: place) != nil {
                return "two Services have \(place)"
            }
        }
        return nil
    }

    private func show(_ value: Any?) -> String { value.map { "\($0)" } ?? "nothing" }
}
