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

/// What a change makes a node do is in proportion to the change, and not to what there is. Counted are allocations, which no
/// other program on the machine disturbs; times are printed. `make test-optimized` has the figures of an optimized build.
@Suite("What one change costs a node, from objects to plans, rules and status", .timeLimit(.minutes(5)))
struct NodeAllocationTests {
    #if DEBUG
        // Without the optimizer each step of a search allocates, and a search takes more steps where there is more.
        private static let sizes = [1000, 4000]
    #else
        private static let sizes = [10, 1000, 10_000, 50_000]
    #endif

    @Test("It allocates as much with very many Services as with few")
    func sameAtAllSizes() {
        var counts: [LargeNode.Change: [Int]] = [:]
        for size in Self.sizes {
            var node = LargeNode(services: size)
            for (change, cost) in node.costs() {
                counts[change, default: []].append(cost.allocations)
                print("\(size) Services: \(change.rawValue): \(cost.allocations) allocations, \(cost.time)")
            }
        }
        guard Allocations.areCounted else { return }
        for (change, counts) in counts {
            // Something is allocated at all: the count counts.
            #expect(counts.min() ?? 0 > 10 && counts.count == Self.sizes.count)
            let bound = (counts.min() ?? 0) * 6 / 5
            #expect(counts.allSatisfy { $0 <= bound }, "\(change.rawValue): \(counts) with \(Self.sizes) Services")
        }
    }
}

/// A node with very many Services of ten endpoints each, a relay that opens all that it is told to, and a kernel that follows.
private struct LargeNode {
    enum Change: String, CaseIterable {
        case endpoint = "an endpoint changed"
        case added = "a Service added"
        case deleted = "a Service deleted"
    }

    struct Cost {
        var allocations: Int
        var time: Duration
    }

    private static let endpoints = 10
    private static let rounds = 21

    private let count: Int
    private var state: NodeState
    private let board = StatusBoard()
    private let addresses: NodeAddresses
    private var relay: [ObjectKey: [PlannedPort]] = [:]
    private var kernel: [ObjectKey: KernelService] = [:]

    init(services count: Int) {
        var settings = NodeSettings(nodeName: "node-0")
        settings.proxyPorts = ProxyPortRange(ports: 1024...65_535)
        self.count = count
        state = NodeState(settings, isRedirecting: true)
        addresses = NodeAddresses(
            NetworkInterfaces(addresses: [.init("eth0", ip("192.168.1.5"))]), node: nil, settings)
        var changes = ObjectChanges()
        for number in 0..<count { add(number, to: &changes) }
        take(changes)
        precondition(kernel.count == count && relay.count == count)
    }

    /// The median of each kind of change, made in turn.
    mutating func costs() -> [(Change, Cost)] {
        var costs: [Change: [Cost]] = [:]
        for round in 0..<Self.rounds {
            for change in Change.allCases {
                let changes = changes(change, round)
                let (clock, before) = (ContinuousClock(), Allocations.ofThisThread())
                let time = clock.measure { take(changes) }
                costs[change, default: []].append(
                    Cost(allocations: Int(Allocations.ofThisThread() - before), time: time))
            }
        }
        return Change.allCases.map { change in
            let all = costs[change] ?? []
            return (
                change,
                Cost(
                    allocations: all.map(\.allocations).sorted()[Self.rounds / 2],
                    time: all.map(\.time).sorted()[Self.rounds / 2])
            )
        }
    }

    private func changes(_ change: Change, _ round: Int) -> ObjectChanges {
        var changes = ObjectChanges()
        switch change {
        case .endpoint: changes.update(.endpointSlice(slice(count / 2, first: "10.250.0.\(round + 1)")))
        case .added: add(count, to: &changes)
        case .deleted:
            changes.remove(service(count).id)
            changes.remove(ClusterObject.endpointSlice(slice(count)).id)
        }
        return changes
    }

    /// One step of a node, as its proxy takes it.
    private mutating func take(_ changes: ObjectChanges) {
        let addresses = addresses
        let wanted = state.plan(state.take(changes) { _, _ in addresses })
        _ = state.served(wanted.mapValues(Self.open)) { _, _ in nil }
        for (key, ports) in wanted { relay[key] = ports.isEmpty ? nil : ports }
        for (key, service) in state.takeUntold() { kernel[key] = service.isEmpty ? nil : service }
        let served = state.served(Set(wanted.keys), limit: 1024)
        board.update { $0.update(services: served.services) }
        let settled = state.rulesAreInForce(of: state.round, state.resolver.revision)
        for (key, ports) in state.wanted(settled) { relay[key] = ports.isEmpty ? nil : ports }
    }

    private static func open(_ ports: [PlannedPort]) -> [PortStatus] {
        ports.map { port in
            PortStatus(
                id: port.id,
                endpoints: port.endpoints,
                doors: port.doors.map { DoorStatus(wanted: $0.address, listening: $0.address, problem: nil) })
        }
    }

    // MARK: Objects

    private func add(_ number: Int, to changes: inout ObjectChanges) {
        changes.update(service(number))
        changes.update(.endpointSlice(slice(number)))
    }

    private func service(_ number: Int) -> ClusterObject {
        let address = "10.96.\(number / 250).\(number % 250 + 1)"
        return .service(TestSupport.service("service-\(number)", clusterIPs: [address]))
    }

    private func slice(_ number: Int, first: String? = nil) -> EndpointSlice {
        TestSupport.slice(
            of: "service-\(number)",
            (0..<Self.endpoints).map { index in
                let endpoint = number * Self.endpoints + index
                let address = "10.\(128 + endpoint / 62_500).\(endpoint / 250 % 250).\(endpoint % 250 + 1)"
                return TestSupport.endpoint(index == 0 ? first ?? address : address, node: "node-\(endpoint % 100)")
            })
    }
}
