import Base
import Synchronization
import TestSupport
import Testing

@testable import Balancing

@Suite("Balancing choices")
struct BalancingTests {
    private func balancer(_ count: Int) -> Balancer {
        Balancer(inOrder: (1...count).map { Endpoint(EndpointAddress(ip: IPAddress(v4: UInt32($0)), port: 80)) })
    }

    @Test("Round robin is strict, and passes over what is under penalty evenly")
    func roundRobin() {
        let balancer = balancer(3)
        let order = (0..<6).map { _ in balancer.next(by: .roundRobin, at: 0)?.address.ip.low }
        #expect(order == [1, 2, 3, 1, 2, 3])
        balancer.endpoints[1].penalise(until: 100)
        let rest = (0..<30).map { _ in balancer.next(by: .roundRobin, at: 99)?.address.ip.low }
        #expect(!rest.contains(2) && rest.count { $0 == 1 } == 15)
        balancer.endpoints[2].penalise(until: 100)
        #expect((0..<10).allSatisfy { _ in balancer.next(by: .roundRobin, at: 99)?.address.ip.low == 1 })
    }

    @Test("The rotation begins in another order in every process")
    func order() {
        let told = (1...100).map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        let asked = Balancer(of: told).endpoints.map(\.address)
        #expect(asked != told.map(\.address) && Set(asked) == Set(told.map(\.address)))
    }

    @Test("What is known of endpoints is made for the first client, and stays while others come and go")
    func made() throws {
        let told = (1...3).map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        let first = Balancer(of: told)
        #expect(first.knownEndpoints.isEmpty && !first.isEmpty)
        #expect(first.updated(with: told.reversed()) === first, "the same set in another order")
        let endpoint = try #require(first.next())
        #expect(first.endpoints.contains { $0 === endpoint } && first.knownEndpoints.count == 3)
        let second = first.updated(with: [ServiceEndpoint(address: endpoint.address)])
        #expect(second.next() === endpoint)
    }

    @Test("Another pod at the same address is another endpoint, of which nothing bad is known")
    func anotherPod() throws {
        let address = EndpointAddress(ip: IPAddress(v4: 1), port: 80)
        let first = Balancer(of: [ServiceEndpoint(address: address, podName: "web-1")])
        let old = try #require(first.next())
        _ = old.eject(at: 1)
        let second = first.updated(with: [ServiceEndpoint(address: address, podName: "web-2")])
        let new = try #require(second.next())
        #expect(second !== first && new !== old && new.podName == "web-2" && !new.isEjected)
    }

    @Test("Who asks a balancer first that has just been replaced gets an endpoint of the other")
    func replaced() throws {
        func balancer(_ number: UInt32) -> Balancer {
            Balancer(of: [ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: number), port: 80))])
        }
        let (old, new) = (balancer(1), balancer(2))
        let route = ServiceRoute(old, ServicePolicy(affinity: .clientIP(seconds: 60)))
        let changed = route.changed(to: new, route.policy)
        let late = try #require(route.pick(for: IPAddress(v4: 9), at: 0))
        #expect(late === new.endpoints[0] && !late.isRetired)
        changed.retire()
        #expect(late.isRetired)
        #expect(ServiceRoute(balancer(3)).balancer.end(replacedBy: nil).isEmpty)
    }

    @Test("What was known by the moment of the change is kept, even if it came in between")
    func adopted() throws {
        let told = [ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: 1), port: 80))]
        let more = told + [ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: 2), port: 80))]
        let route = ServiceRoute(Balancer(of: told))
        let next = route.balancer.updated(with: more)
        let endpoint = try #require(route.pick(for: nil, at: 0))
        let changed = route.changed(to: next, route.policy)
        #expect(changed.balancer.endpoints.contains { $0 === endpoint } && !endpoint.isRetired)
    }

    @Test("The reserve has its turn for as long as all others are under penalty, and keeps nobody")
    func reserve() throws {
        func told(_ numbers: UInt32...) -> [ServiceEndpoint] {
            numbers.map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        }
        let balancer = Balancer(of: told(1), reserve: told(2, 3))
        let route = ServiceRoute(balancer, ServicePolicy(affinity: .clientIP(seconds: 60)))
        func pick(attempt: Int = 0, at now: UInt64) -> UInt64? {
            route.pick(for: IPAddress(v4: 9), attempt: attempt, at: now)?.address.ip.low
        }
        #expect((1...4).map { pick(at: $0) } == [1, 1, 1, 1] && balancer.reach == 3)
        balancer.endpoints[0].penalise(until: 100)
        #expect(Set([pick(attempt: 1, at: 50), pick(at: 50)]) == [2, 3], "by turns, with no affinity")
        #expect(pick(at: 100) == 1)
        #expect(balancer.updated(with: told(1), reserve: told(3, 2)) === balancer)
        #expect(balancer.updated(with: told(1)) !== balancer)

        // Back to the others, and what is known of them: it may be in use.
        let used = try #require(balancer.reserve?.endpoints)
        let others = balancer.updated(with: told(2, 3))
        let back = route.changed(to: others, route.policy)
        #expect(Set(others.endpoints.map(ObjectIdentifier.init)) == Set(used.map(ObjectIdentifier.init)))
        #expect(used.allSatisfy { !$0.isRetired } && balancer.endpoints[0].isRetired)
        // And when the first one comes again, all of their clients leave them.
        let again = others.updated(with: told(1), reserve: told(2, 3))
        _ = back.changed(to: again, route.policy)
        #expect(used.allSatisfy(\.isRetired) && again.endpoints.allSatisfy { !$0.isRetired })
    }

    @Test("What is known of the reserve is kept with every change, and lost only with its endpoints")
    func reserveStays() throws {
        func told(_ numbers: UInt32...) -> [ServiceEndpoint] {
            numbers.map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        }
        let route = ServiceRoute(Balancer(of: told(1), reserve: told(2, 3)))
        route.balancer.endpoints[0].penalise(until: 100)
        let reserve = try #require(route.balancer.reserve)
        let broken = try #require(reserve.endpoints.first { $0.address.ip.low == 2 })
        let other = try #require(reserve.endpoints.first { $0.address.ip.low == 3 })
        broken.penalise(until: 100)
        // One more, and one less; both with another process in front of them.
        let next = route.changed(
            to: route.balancer.updated(with: told(4), reserve: told(2, 5)), route.policy)
        #expect(!broken.isRetired && other.isRetired)
        next.balancer.endpoints[0].penalise(until: 100)
        #expect((0..<4).allSatisfy { _ in next.pick(for: nil, at: 50)?.address.ip.low == 5 }, "the other is broken")
        // The process is gone, and they have their clients to themselves.
        let alone = next.changed(to: next.balancer.updated(with: told(2, 5)), next.policy)
        #expect((0..<4).allSatisfy { _ in alone.pick(for: nil, at: 50)?.address.ip.low == 5 })
        #expect(alone.balancer.endpoints.contains { $0 === broken })
    }

    @Test("As many clients may wait as the limit says")
    func waiting() {
        let waiting = WaitingCount(limit: 2)
        #expect([waiting.enter(), waiting.enter(), waiting.enter()] == [.first, .admitted, .full])
        waiting.leave()
        #expect(waiting.enter() == .admitted)
    }

    @Test("Least connections takes the least used, and equals in turn")
    func leastConnections() {
        let balancer = balancer(3)
        let equal = (0..<6).map { _ in balancer.next(by: .leastConnections, at: 0)?.address.ip.low }
        #expect(equal == [1, 2, 3, 1, 2, 3])
        balancer.endpoints[0].open.store(5, ordering: .relaxed)
        balancer.endpoints[1].open.store(2, ordering: .relaxed)
        balancer.endpoints[2].open.store(3, ordering: .relaxed)
        #expect((0..<4).allSatisfy { _ in balancer.next(by: .leastConnections, at: 0) === balancer.endpoints[1] })
        balancer.endpoints[1].penalise(until: 100)
        #expect((0..<4).allSatisfy { _ in balancer.next(by: .leastConnections, at: 0) === balancer.endpoints[2] })
    }

    @Test("Least connections levels out what comes and stays")
    func levels() {
        let balancer = balancer(4)
        balancer.endpoints[3].open.store(10, ordering: .relaxed)
        for _ in 0..<30 { balancer.next(by: .leastConnections, at: 0)?.open.wrappingAdd(1, ordering: .relaxed) }
        #expect(balancer.endpoints.map { $0.open.load(ordering: .relaxed) } == [10, 10, 10, 10])
    }

    @Test("Random choices are spread, keep no order, and leave out what is under penalty")
    func random() {
        let balancer = balancer(4)
        let choices = (0..<4000).compactMap { _ in balancer.next(by: .random, at: 0)?.address.ip.low }
        let counts = Dictionary(grouping: choices, by: { $0 }).mapValues(\.count)
        #expect(counts.count == 4 && counts.values.allSatisfy { (800...1200).contains($0) })
        let repeats = zip(choices, choices.dropFirst()).count { $0 == $1 }
        #expect((800...1200).contains(repeats), "a rotation repeats never")

        balancer.endpoints[0].penalise(until: 100)
        let rest = (0..<3000).compactMap { _ in balancer.next(by: .random, at: 0)?.address.ip.low }
        let shares = Dictionary(grouping: rest, by: { $0 }).mapValues(\.count)
        #expect(shares[1] == nil && shares.values.allSatisfy { (850...1150).contains($0) })
        // The rotation has not moved meanwhile.
        #expect(balancer.next(by: .roundRobin, at: 100) === balancer.endpoints[0])
    }

    @Test("All under penalty: they are used all the same", arguments: BalancingMethod.allCases)
    func allPenalised(balancing: BalancingMethod) {
        let balancer = balancer(3)
        for endpoint in balancer.endpoints { endpoint.penalise(until: 100) }
        let used = Set((0..<200).compactMap { _ in balancer.next(by: balancing, at: 0)?.address.ip.low })
        #expect(used == [1, 2, 3])
    }

    @Test("No endpoints: nothing", arguments: BalancingMethod.allCases)
    func empty(balancing: BalancingMethod) {
        #expect(Balancer(of: []).next(by: balancing, at: 0) == nil)
    }

    @Test("An ejected endpoint is passed over until it is pardoned, and one caller probes it")
    func ejection() throws {
        let endpoint = balancer(1).endpoints[0]
        #expect(endpoint.startProbing() == nil, "nothing to do")
        #expect(endpoint.eject(at: 1))
        #expect(!endpoint.eject(at: 1), "no news")
        #expect(endpoint.isPenalised(at: .max - 1) && endpoint.isEjected)
        let first = try #require(endpoint.startProbing())
        #expect(endpoint.needsProbing(by: first))
        #expect(endpoint.startProbing() == nil, "somebody does already")
        #expect(endpoint.pardon(at: 1))
        #expect(!endpoint.pardon(at: 1) && !endpoint.isPenalised(at: 0))
        #expect(!endpoint.needsProbing(by: first))
        // Ejected anew before the first caller has stopped: what that one has come to does not matter any more.
        #expect(endpoint.eject(at: 1))
        let second = try #require(endpoint.startProbing())
        #expect(!endpoint.needsProbing(by: first) && endpoint.needsProbing(by: second))
        endpoint.stopProbing(first)
        #expect(endpoint.needsProbing(by: second) && endpoint.startProbing() == nil)
        endpoint.stopProbing(second)
        let third = try #require(endpoint.startProbing())
        endpoint.retire()
        #expect(!endpoint.needsProbing(by: third), "it is no endpoint any more")
        endpoint.stopProbing(third)
        #expect(endpoint.startProbing() == nil)
    }

    @Test("Failures in a row count until a connection that began after the last one shows that it works")
    func failuresInARow() {
        let endpoint = balancer(1).endpoints[0]
        #expect(endpoint.failuresInARow == 0 && !endpoint.hasRelapsed)
        #expect(endpoint.eject(at: 1000) && !endpoint.eject(at: 1001))
        #expect(endpoint.failuresInARow == 1 && !endpoint.hasRelapsed)
        #expect(endpoint.pardon(at: 1500))
        #expect(endpoint.eject(at: 2000) && endpoint.hasRelapsed)
        endpoint.prove(since: 2000)
        #expect(endpoint.hasRelapsed, "a connection from before says nothing")
        endpoint.prove(since: 2001)
        #expect(endpoint.failuresInARow == 0)
    }

    @Test("A failure long after the endpoint was let in again is a first one; one after a long outage is not")
    func oldFailures() {
        let endpoint = balancer(1).endpoints[0]
        #expect(endpoint.eject(at: 1000))
        // Nobody could reach it for hours, and then it did not last.
        let hours: UInt64 = 10_000_000
        #expect(endpoint.pardon(at: hours))
        #expect(endpoint.eject(at: hours + Endpoint.forgetting - 1) && endpoint.failuresInARow == 2)
        #expect(endpoint.pardon(at: 2 * hours))
        #expect(endpoint.eject(at: 2 * hours + Endpoint.forgetting) && endpoint.failuresInARow == 1)
        #expect(!endpoint.hasRelapsed)
    }

    @Test("A penalty is over at the moment that was said, and a pardon before that is no news")
    func penalty() {
        let endpoint = balancer(1).endpoints[0]
        endpoint.penalise(until: 100)
        #expect(endpoint.isPenalised(at: 99) && !endpoint.isPenalised(at: 100) && !endpoint.isEjected)
        #expect(!endpoint.pardon(at: 50) && !endpoint.isPenalised(at: 99))
        #expect(!endpoint.prove(since: 60), "it never failed")
        endpoint.penalise(until: 100)
        #expect(endpoint.eject(at: 60) && endpoint.isPenalised(at: 5000), "that is more than a penalty")
        #expect(endpoint.pardon(at: 61) && endpoint.prove(since: 61) && !endpoint.prove(since: 62))
    }

    @Test("One that is told twice counts twice, and with another stand-in it is another one")
    func identity() throws {
        func told(_ numbers: UInt32...) -> [ServiceEndpoint] {
            numbers.map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        }
        let twice = Balancer(of: told(1, 1, 2))
        #expect(twice.endpoints.count == 3)
        #expect(twice.updated(with: told(1, 2, 1)) === twice)
        let once = twice.updated(with: told(1, 2))
        #expect(once !== twice && once.endpoints.count == 2)
        #expect(once.endpoints.allSatisfy { one in twice.endpoints.contains { $0 === one } })
        let (address, place) = (told(1)[0].address, try #require(EndpointAddress("127.0.0.1:9")))
        let moved = once.updated(with: told(1, 2), standIns: [address: place])
        let endpoint = try #require(moved.endpoints.first { $0.address == address })
        #expect(endpoint.dialAddress == place && !once.endpoints.contains { $0 === endpoint })
        #expect(moved.updated(with: told(2, 1), standIns: [address: place]) === moved)
    }

    @Test("Without session affinity nobody is remembered, whatever fails")
    func noAffinity() throws {
        let route = ServiceRoute(balancer(2))
        let client = IPAddress(v4: 9)
        let first = try #require(route.pick(for: client, at: 0))
        route.failed(first, for: client)
        route.sweep(at: 1_000_000)
        #expect(route.pins.count == 0)
        let sticky = route.changed(to: route.balancer, ServicePolicy(affinity: .clientIP(seconds: 10)))
        let kept = try #require(sticky.pick(for: client, at: 0))
        #expect(sticky.pick(for: client, at: 1) === kept && sticky.pins.count == 1)
        #expect(sticky.pick(for: nil, at: 1) != nil && sticky.pins.count == 1)
        sticky.failed(try #require(route.balancer.endpoints.first { $0 !== kept }), for: client)
        #expect(sticky.pins.count == 1, "it was another one that failed")
        sticky.failed(kept, for: client)
        #expect(sticky.pins.count == 0)
    }
}
