import Balancing
import Base
import Objects
import Redirect

/// All that is to be in the kernel at once, as tests write it down: portals of any Services, and what the node is like.
struct Wanted {
    var portals: [Portal] = []
    var ipv4: NodeNetwork?
    var ipv6: NodeNetwork?
    var proxyPorts: ClosedRange<UInt16> = 1...65_535
    var healthPorts: [UInt16] = []
    var preservesSource = false

    var change: KernelChange {
        var networks: [IPAddress.Family: NodeNetwork] = [:]
        networks[.ipv4] = ipv4
        networks[.ipv6] = ipv6
        return KernelChange(
            services: Dictionary(grouping: portals) { $0.owner.service }.mapValues {
                KernelService(portals: $0, carried: [])
            },
            node: NodeRedirection(
                networks: networks, proxyPorts: proxyPorts, healthPorts: healthPorts, preservesSource: preservesSource))
    }

    func rules(for family: IPAddress.Family) -> RuleSet? { RuleSet(change, family) }
}

extension ServicePortID {
    var service: ObjectKey { ObjectKey(namespace: name.namespace, name: name.service) }
}

/// Keeps one family's rules, by a back end that is told of everything each time.
actor Keeper {
    private let family: IPAddress.Family
    private let backEnd: IptablesRedirect
    private var told: Set<ObjectKey> = []
    private(set) var refused: [RefusedPort] = []
    private(set) var warnings: [String] = []

    init(_ family: IPAddress.Family, _ iptables: Iptables) {
        self.family = family
        backEnd = IptablesRedirect(iptables, families: [family])
    }

    @discardableResult
    func apply(_ wanted: Wanted, checking: Bool = false) async throws -> KernelOutcome {
        var change = wanted.change
        for gone in told.subtracting(change.services.keys) { change.services[gone] = [] }
        told = Set(change.services.keys)
        let result = await backEnd.apply(change, checking: checking).families[family]
        (refused, warnings) = (result?.refused ?? [], result?.warnings ?? [])
        return try result?.outcome.get() ?? .unchanged
    }

    /// The same, with a look at what is there.
    @discardableResult
    func repair(_ wanted: Wanted) async throws -> KernelOutcome { try await apply(wanted, checking: true) }

    func removeAll() async throws {
        for error in await backEnd.removeAll() { throw error }
    }
}
