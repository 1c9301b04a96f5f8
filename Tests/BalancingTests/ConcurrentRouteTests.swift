import Base
import Dispatch
import TestSupport
import Testing

@testable import Balancing

/// Workers that share a service port ask, find out and are told at the same moments. However that turns out, the end is one.
@Suite("Service ports under many threads") struct ConcurrentRouteTests {
    private static let threads = 8

    private func endpoints(_ numbers: ClosedRange<UInt32>) -> [ServiceEndpoint] {
        numbers.map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
    }

    /// Runs `body` on threads that all begin at once, and waits for them.
    private func onThreads(_ body: @escaping @Sendable (Int) -> Void) throws {
        let group = DispatchGroup()
        let ready = Locked(0)
        for number in 0..<Self.threads {
            group.enter()
            try spawnThread {
                ready.withLock { $0 += 1 }
                while ready.withLock({ $0 }) < Self.threads {}
                body(number)
                group.leave()
            }
        }
        group.wait()
    }

    @Test("The first clients of a service port come at once: one list for all, and nobody's turn is lost")
    func firstClients() throws {
        for _ in 0..<200 {
            let route = ServiceRoute(Balancer(of: endpoints(1...3)))
            let picked = Locked<[Endpoint]>([])
            try onThreads { _ in
                let mine = (0..<3).compactMap { _ in route.pick(for: nil, at: 0) }
                picked.withLock { $0 += mine }
            }
            let turns = Dictionary(grouping: picked.withLock { $0 }, by: ObjectIdentifier.init).mapValues(\.count)
            #expect(turns.count == 3 && turns.values.allSatisfy { $0 == Self.threads })
        }
    }

    @Test("Endpoints change while the first clients come: who stays is one, who has gone is retired")
    func changes() throws {
        for _ in 0..<200 {
            let policy = ServicePolicy(affinity: .clientIP(seconds: 60))
            let old = ServiceRoute(Balancer(of: endpoints(1...3)), policy)
            let (second, third) = (endpoints(2...4), endpoints(3...5))
            let last = Locked(old)
            let picked = Locked<[Endpoint]>([])
            try onThreads { number in
                if number == 0 {
                    // As the relay does it, one after another.
                    let next = old.changed(to: old.balancer.updated(with: second), policy)
                    last.withLock { $0 = next.changed(to: next.balancer.updated(with: third), policy) }
                } else {
                    let client = IPAddress(v4: UInt32(number))
                    let mine = (0..<8).compactMap { attempt in old.pick(for: client, attempt: attempt, at: 0) }
                    picked.withLock { $0 += mine }
                }
            }
            let route = last.withLock { $0 }
            let there = Set(route.balancer.endpoints.map(ObjectIdentifier.init))
            let met = picked.withLock { $0 }
            #expect(there.count == 3 && met.count == (Self.threads - 1) * 8)
            for endpoint in met { #expect(there.contains(ObjectIdentifier(endpoint)) != endpoint.isRetired) }
            #expect(route.balancer.endpoints.allSatisfy { !$0.isRetired })
            // A client keeps what it has got, if that is still there, and never what is not.
            for number in 1..<UInt32(Self.threads) {
                let kept = try #require(route.pick(for: IPAddress(v4: number), at: 0))
                #expect(!kept.isRetired && route.pick(for: IPAddress(v4: number), at: 0) === kept)
            }
        }
    }

    @Test("Many eject and pardon one endpoint: each of both is told to one of them, and no probing is left behind")
    func penalties() throws {
        let endpoint = Endpoint(EndpointAddress(ip: IPAddress(v4: 1), port: 80))
        let counts = Locked((ejections: 0, pardons: 0))
        try onThreads { _ in
            var mine = (ejections: 0, pardons: 0)
            for _ in 0..<2000 {
                if endpoint.eject(at: 1) { mine.ejections += 1 }
                let probing = endpoint.startProbing()
                if endpoint.pardon(at: 1) { mine.pardons += 1 }
                if let probing { endpoint.stopProbing(probing) }
            }
            counts.withLock { $0 = ($0.ejections + mine.ejections, $0.pardons + mine.pardons) }
        }
        let (ejections, pardons) = counts.withLock { $0 }
        #expect(ejections == pardons && ejections > 0 && !endpoint.isEjected)
        #expect(endpoint.eject(at: 1) && endpoint.startProbing() != nil, "nobody is taken for one that probes it")
    }
}
