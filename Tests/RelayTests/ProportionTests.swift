import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// A worker may have ten thousand service ports. What happens at one of them must not cost a look at all the others.
@Suite(.timeLimit(.minutes(1))) struct ProportionTests {
    private func id(_ number: Int, _ transport: TransportProtocol) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: "s\(number)"), transport)
    }

    private func route(_ policy: ServicePolicy = ServicePolicy(), ports: [UInt16] = [9]) -> ServiceRoute {
        ServiceRoute(RelayHarness.balancer(ports), policy)
    }

    /// A worker, not running, with so many quiet service ports of each transport.
    private func worker(with count: Int) throws -> LoneWorker {
        let lone = try LoneWorker()
        for number in 0..<count {
            lone.worker.serve(id(number, .tcp), by: route())
            lone.worker.serve(id(number, .udp), by: route())
        }
        return lone
    }

    @Test(arguments: [10, 1000]) func aChangeOfOneServicePortLooksAtNoOther(count: Int) throws {
        let lone = try worker(with: count)
        let worker = lone.worker
        for transport in [TransportProtocol.tcp, .udp] {
            worker.serve(id(0, transport), by: route(ports: [10]))
            worker.serve(id(0, transport), by: route(ServicePolicy(affinity: .clientIP(seconds: 10))))
            worker.serve(id(0, transport), by: route())
            worker.remove(id(0, transport))
            worker.serve(id(count, transport), by: route())
        }
        #expect(worker.visits == 0)
    }

    @Test(arguments: [10, 1000]) func flowsAreLookedForWhereTheyAre(count: Int) async throws {
        let server = try UDPServer()
        let lone = try worker(with: count)
        let port = try lone.open("dns", .udp, endpoints: [server.port])
        try lone.run()
        #expect(try await UDPClient(to: port).ask("x") == "x")
        let visits = try await lone.perform { worker in
            let before = worker.visits
            worker.sweep(at: worker.loop.now)
            return worker.visits - before
        }
        #expect(visits == 1)
        let rest = try await lone.perform { worker in
            // Long after, and not late for it.
            worker.sweepSet = worker.loop.now + 1_000_000
            worker.sweep(at: worker.sweepSet)
            let before = worker.visits
            worker.sweep(at: worker.loop.now)
            return (worker.datagrams.flows.count, worker.visits - before)
        }
        #expect(rest == (0, 0))
        lone.stop()
    }

    @Test(arguments: [10, 1000]) func clientsThatWaitAreFoundWhereTheyAre(count: Int) async throws {
        let lone = try worker(with: count)
        let port = try lone.open("late", endpoints: [])
        let late = ServicePortID(ServicePortName(namespace: "default", service: "late"), .tcp)
        let policy = ServicePolicy(holdSeconds: 60)
        lone.worker.serve(late, by: ServiceRoute(RelayHarness.balancer([]), policy))
        try lone.run()
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { (try? await lone.perform { $0.ports[late]?.waiting.count }) == 1 })
        let visits = try await lone.perform { worker in
            let before = worker.visits
            worker.holdsAreDue()
            worker.pressure.hasNews = true
            worker.pausesAreOver()
            // The limit is another one now.
            worker.serve(late, by: ServiceRoute(RelayHarness.balancer([]), ServicePolicy(holdSeconds: 30)))
            return worker.visits - before
        }
        #expect(visits == 2, "one for each look")
        lone.stop()
        _ = await client.report()
    }

    @Test(arguments: [10, 1000]) func pinsAreSweptWhereThereAreAny(count: Int) throws {
        let lone = try worker(with: count)
        let worker = lone.worker
        for number in 0..<5 {
            worker.serve(id(number, .tcp), by: route(ServicePolicy(affinity: .clientIP(seconds: 10))))
        }
        worker.remove(id(3, .tcp))
        worker.serve(id(4, .tcp), by: route())
        worker.sweepPins()
        #expect(worker.visits == 3)
    }

    /// Whoever opens and removes a service port while a process has let go of its doors.
    @Test(arguments: [10, 1000]) func aServicePortKnowsItsListeners(count: Int) async throws {
        let lone = try worker(with: count)
        let port = try lone.open("web", endpoints: [])
        let web = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        #expect(lone.worker.ports[web]?.listeners == [UInt32(port)])
        lone.worker.closeListener(UInt32(port))
        try lone.run()
        #expect(await eventually { (try? await lone.perform { $0.ports[web]?.listeners.isEmpty }) == true })
        lone.stop()
    }

    @Test func doorsAreFoundByTheirServicePort() async throws {
        let relay = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 4096)))
        let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)
        var doors: [Int: [Relay.DoorID]] = [:]
        for number in 0..<20 {
            await relay.serve(id(number, .tcp), with: RelayHarness.balancer([]))
            for _ in 0..<2 {
                doors[number, default: []].append(try await relay.open(id(number, .tcp), on: loopback).door)
            }
        }
        for number in 0..<20 { #expect(await relay.doors.of(id(number, .tcp)) == Set(doors[number] ?? [])) }
        await relay.close(try #require(doors[1]?.first))
        #expect(await relay.doors.of(id(1, .tcp)).count == 1)
        await relay.remove(id(0, .tcp))
        #expect(await relay.doors.of(id(0, .tcp)).isEmpty)
        #expect(await relay.doors.all.count == 37)
        await relay.stop()
    }
}

extension Worker {
    /// Service ports that were looked at because they belong to some group.
    fileprivate var visits: Int { portsWithWaiting.visits + portsWithFlows.visits + portsWithAffinity.visits }
}
