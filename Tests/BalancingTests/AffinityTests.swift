import Base
import TestSupport
import Testing

@testable import Balancing

/// Session affinity over the whole route: balancer, pins and policy together
/// (docs/behaviour.md, B4.2 and B4.5).
@Suite("Session affinity")
struct AffinityTests {
    /// A service port whose endpoints come and go as the proxy makes them.
    private struct Port {
        var route: ServiceRoute

        init(_ count: Int, seconds: Int = 10_800, capacity: Int = AffinityTable.defaultCapacity) {
            let policy = ServicePolicy(affinity: .clientIP(seconds: seconds))
            route = ServiceRoute(
                Balancer(inOrder: (0..<count).map { Port.endpoint($0 + 1) }), policy,
                pins: AffinityTable(capacity: capacity))
        }

        static func endpoint(_ number: Int) -> Endpoint {
            Endpoint(EndpointAddress(ip: IPAddress(v4: 0x0A00_0000 + UInt32(number)), port: 80))
        }

        var list: [Endpoint] { route.balancer.endpoints }

        mutating func update(_ endpoints: [Endpoint]) {
            // As the reconciler does: values that look like those that are there, and not the same objects.
            let fresh = endpoints.map { ServiceEndpoint(address: $0.address) }
            route = route.changed(to: route.balancer.updated(with: fresh), route.policy)
        }

        mutating func update(_ policy: ServicePolicy) {
            route = route.changed(to: route.balancer, policy)
        }

        func ask(_ client: Int, anew: Bool = false, at now: UInt64 = 0) -> EndpointAddress? {
            route.pick(for: AffinityTests.client(client), attempt: anew ? 1 : 0, at: now)?.address
        }
    }

    private static func client(_ number: Int) -> IPAddress { IPAddress(v4: 0xC0A8_0000 + UInt32(number)) }

    @Test("Each client keeps the endpoint that it was given, over any interleaving")
    func r7() {
        var port = Port(0)
        #expect(port.ask(1) == nil)
        port.update((1...3).map(Port.endpoint))
        let given = (1...3).map { port.ask($0) }
        #expect(given == port.list.map(\.address))
        for client in [3, 1, 2, 2, 1, 3, 1, 1, 3, 2] { #expect(port.ask(client) == given[client - 1]) }
    }

    @Test("Endpoints that came before the Service's own settings change nothing, and its timeout counts")
    func r8() {
        var port = Port(3)
        port.update(ServicePolicy())
        port.update(ServicePolicy(affinity: .clientIP(seconds: 5)))
        let first = port.ask(1, at: 0)
        _ = port.ask(2)
        #expect(port.ask(1, at: 4999) == first)
        // The third in turn, since the time is over.
        #expect(port.ask(1, at: 9999) == port.list[2].address)
    }

    @Test("Only the clients of a removed endpoint move, to the head of the new list; a new endpoint moves nobody")
    func r9() {
        var port = Port(3)
        let given = (1...3).map { port.ask($0) }
        let (staying, leaving) = (Array(port.list[..<2]), port.list[2])
        port.update(staying)
        #expect(port.ask(3) == port.list[0].address)
        #expect(leaving.isRetired)
        #expect(port.ask(1) == given[0] && port.ask(2) == given[1])

        let third = port.ask(3)
        port.update(staying + [Port.endpoint(4)])
        #expect([port.ask(1), port.ask(2), port.ask(3)] == [given[0], given[1], third])
        #expect((4...6).map { port.ask($0) } == port.list.map(\.address))
    }

    @Test("With all endpoints replaced clients start from the head of the new list and stick")
    func r10() {
        var port = Port(3)
        for client in 1...3 { _ = port.ask(client) }
        port.update((4...6).map(Port.endpoint))
        #expect(port.route.pins.count == 0)
        let given = (1...3).map { port.ask($0) }
        #expect(given == port.list.map(\.address))
        #expect([3, 2, 1].map { port.ask($0) } == given.reversed())
        port.update([Endpoint]())
        #expect(port.ask(1) == nil)
        // The setting survives zero endpoints.
        port.update((7...9).map(Port.endpoint))
        let again = port.ask(1)
        #expect(again == port.list[0].address && port.ask(1) == again)
    }

    @Test("A service that loses its endpoints takes nothing from another's clients")
    func r11() {
        var (foo, bar) = (Port(3), Port(3))
        let given = (1...3).map { bar.ask($0) }
        for client in 1...3 { _ = foo.ask(client) }
        foo.update([Endpoint]())
        #expect(foo.ask(1) == nil)
        #expect((1...3).map { bar.ask($0) } == given)
    }

    @Test("An attempt after a failed one takes the endpoint whose turn it is, and keeps that")
    func r12() {
        let port = Port(3)
        let list = port.list.map(\.address)
        for client in 1...3 { _ = port.ask(client) }
        #expect((1...3).map { _ in port.ask(1, anew: true) } == list)
        #expect(port.ask(2) == list[1])
        #expect(port.ask(2, anew: true) == list[0])
        #expect(port.ask(3, anew: true) == list[1])
        #expect(port.ask(1, anew: true) == list[2])
        #expect([1, 2, 3].map { port.ask($0) } == [list[2], list[0], list[1]])
    }

    @Test("An age of the timeout in whole seconds is too old, one second less is not; each use counts anew")
    func r13() {
        let port = Port(3, seconds: 10)
        let list = port.list.map(\.address)
        #expect(port.ask(1, at: 1000) == list[0])
        #expect(port.ask(1, at: 10_999) == list[0])
        #expect(port.ask(1, at: 20_998) == list[0], "9.999 s are 9 whole seconds")
        #expect(port.ask(1, at: 30_998) == list[1], "10 s are too many")
        // A worker's clock may be a little behind another's.
        #expect(port.ask(1, at: 30_990) == list[1])
    }

    @Test("A sweep takes what has expired and nothing else")
    func r13Sweep() {
        let port = Port(3, seconds: 10)
        for client in 1...50 { _ = port.ask(client, at: UInt64(client) * 1000) }
        port.route.sweep(at: 35_000)
        #expect(port.route.pins.count == 25)
        port.route.sweep(at: 100_000)
        #expect(port.route.pins.count == 0)
    }

    @Test("The same endpoints in another order change nothing")
    func r14() {
        var port = Port(3)
        let given = (1...3).map { port.ask($0) }
        let balancer = port.route.balancer
        port.update(port.list.reversed())
        #expect(port.route.balancer === balancer)
        #expect((1...3).map { port.ask($0) } == given)
    }

    @Test("A changed timeout holds at once for the clients that are known")
    func p42() {
        var port = Port(3, seconds: 10)
        let balancer = port.route.balancer
        let given = port.ask(1, at: 0)
        port.update(ServicePolicy(affinity: .clientIP(seconds: 100)))
        #expect(port.route.balancer === balancer)
        #expect(port.ask(1, at: 50_000) == given)
        port.update(ServicePolicy(affinity: .clientIP(seconds: 20)))
        #expect(port.ask(1, at: 70_000) != given)
    }

    @Test("Affinity goes and comes back: nobody is pinned meanwhile")
    func switching() {
        var port = Port(3)
        for client in 1...3 { _ = port.ask(client) }
        port.update(ServicePolicy())
        #expect(port.route.pins.count == 0)
        #expect(Set((0..<3).map { _ in port.ask(1) }).count == 3)
        port.update(ServicePolicy(affinity: .clientIP(seconds: 60)))
        #expect(port.ask(1) == port.ask(1))
    }

    @Test("A client is the same through IPv4 and through a dual-stack socket")
    func mapped() {
        let port = Port(3)
        let plain = port.route.pick(for: IPAddress("10.1.2.3"), at: 0)
        #expect(port.route.pick(for: IPAddress("::ffff:10.1.2.3"), at: 0) === plain)
        #expect(port.route.pins.count == 1)
    }

    @Test("A client that its endpoint failed without a next attempt gets another one; a late report harms nobody")
    func unpinned() {
        let port = Port(2)
        let first = port.list[0]
        #expect(port.ask(1) == first.address)
        port.route.failed(first, for: Self.client(1))
        #expect(port.ask(1) == port.list[1].address)
        port.route.failed(first, for: Self.client(1))
        #expect(port.ask(1) == port.list[1].address)
    }

    @Test("The table is bounded; who was not seen for longest gives way")
    func bounded() {
        let port = Port(3, capacity: 1600)
        for client in 0..<10_000 { _ = port.ask(client, at: UInt64(client)) }
        #expect((1500...1600).contains(port.route.pins.count))
        let known = port.route.pins.count
        _ = port.ask(9999)
        #expect(port.route.pins.count == known)
    }

    @Test("A worker that still holds the old list cannot bring a removed endpoint back")
    func late() {
        var port = Port(2)
        let old = port.route
        port.update([port.list[0]])
        let removed = old.balancer.endpoints[1]
        // Two clients, and one of them is given the endpoint that has just left.
        let given = (1...2).map { old.pick(for: Self.client($0), at: 0) }
        #expect(given.contains { $0 === removed })
        #expect((1...2).allSatisfy { port.ask($0) == port.list[0].address })
    }
}
