import Balancing
import Base
import Relay
import Status
import TestSupport
import Testing

@testable import Proxy

/// Plans carried out by a real relay, on loopback.
@Suite struct ReconcilerTests {
    private let relay: Relay
    private let reconciler: Reconciler

    init() throws {
        relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 1024)))
        reconciler = Reconciler(relay: relay)
    }

    private func id(_ service: String) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: service), .tcp)
    }

    private func address(_ port: UInt16, on ip: String = "127.0.0.1") throws -> EndpointAddress {
        EndpointAddress(ip: try #require(IPAddress(ip)), port: port)
    }

    private func planned(
        _ service: String, _ servers: [ScriptedServer], port: UInt16 = 0, on ip: String = "127.0.0.1",
        fallback: PlannedDoor.Fallback = .none, policy: ServicePolicy = ServicePolicy()
    ) throws -> PlannedPort {
        PlannedPort(
            id: id(service), endpoints: try servers.map { PlannedEndpoint(address: try address($0.port)) },
            doors: [PlannedDoor(address: try address(port, on: ip), fallback: fallback)], policy: policy)
    }

    private func listening(_ status: ProxyStatus, _ index: Int = 0) throws -> UInt16 {
        let door = try #require(status.ports[index].doors.first)
        return try #require(door.listening).port
    }

    private func answer(_ port: UInt16) async throws -> String {
        let peer = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        return try await peer.finished().received.text
    }

    @Test func anUnchangedPlanChangesNothing() async throws {
        let servers = try ["a", "b", "c"].map { try ScriptedServer.identity($0) }
        let plan = Plan(ports: [try planned("web", servers)])
        let first = await reconciler.apply(plan)
        let port = try listening(first)
        let one = try await answer(port)
        // The same set in another order: neither the door nor the rotation may start anew.
        let again = Plan(ports: [try planned("web", servers.reversed())])
        #expect(try listening(await reconciler.apply(again)) == port)
        let rest = [try await answer(port), try await answer(port)]
        #expect(Set([one] + rest) == ["a", "b", "c"], "one turn went on over the resync")
        await relay.stop()
    }

    @Test func endpointsOfThisMachineAreKnownAsSuch() async throws {
        let events = Locked<[RelayEvent]>([])
        let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 256))
        let relay = try Relay(configuration) { event in events.withLock { $0.append(event) } }
        let server = try UDPServer()
        let port = PlannedPort(
            id: ServicePortID(ServicePortName(namespace: "default", service: "dns"), .udp),
            endpoints: [PlannedEndpoint(address: try address(server.port), isLocal: true)],
            doors: [PlannedDoor(address: try address(0), fallback: .none)],
            policy: ServicePolicy(sourcePreservation: SourcePreservation()))
        let status = await Reconciler(relay: relay).apply(Plan(ports: [port]))
        let client = try UDPClient(to: try listening(status), from: "127.0.0.9")
        #expect(try await client.ask("x") == "x")
        // Whether it is allowed to is the machine's affair; that it was tried shows either way.
        let isTried =
            server.arrivals.sources.keys.contains { $0.hasPrefix("127.0.0.9:") }
            || events.withLock { $0.contains { if case .sourceNotPreserved = $0 { true } else { false } } }
        #expect(isTried)
        await relay.stop()
    }

    @Test("A changed policy holds at once, behind the same door and in the same turn")
    func aChangedPolicyIsAppliedInPlace() async throws {
        let servers = try ["a", "b", "c"].map { try ScriptedServer.identity($0) }
        let port = try listening(await reconciler.apply(Plan(ports: [try planned("web", servers)])))
        let turn = [try await answer(port), try await answer(port), try await answer(port)]
        #expect(Set(turn) == ["a", "b", "c"])
        #expect(try await answer(port) == turn[0])

        let sticky = ServicePolicy(affinity: .clientIP(seconds: 600))
        let changed = await reconciler.apply(Plan(ports: [try planned("web", servers, policy: sticky)]))
        #expect(try listening(changed) == port)
        // Every worker has carried out what came before this by the time it answers.
        _ = await relay.snapshot()
        for _ in 0..<4 { #expect(try await answer(port) == turn[1]) }
        // The rolling update of the others leaves the client where it is; then the setting goes, and the turns go on.
        let fewer = servers.filter { server in server.port != servers[turn[1] == "a" ? 1 : 0].port }
        _ = await reconciler.apply(Plan(ports: [try planned("web", fewer, policy: sticky)]))
        _ = await relay.snapshot()
        for _ in 0..<4 { #expect(try await answer(port) == turn[1]) }
        _ = await reconciler.apply(Plan(ports: [try planned("web", fewer)]))
        _ = await relay.snapshot()
        #expect(Set([try await answer(port), try await answer(port)]).count == 2)
        await relay.stop()
    }

    @Test func endpointsComeAndGoBehindTheSameDoor() async throws {
        let old = try ScriptedServer.identity("old")
        let new = try ScriptedServer.identity("new")
        let port = try listening(await reconciler.apply(Plan(ports: [try planned("web", [old])])))
        #expect(try await answer(port) == "old")
        let changed = await reconciler.apply(Plan(ports: [try planned("web", [new])]))
        #expect(try listening(changed) == port)
        #expect(try await eventually { try await answer(port) == "new" })
        await relay.stop()
    }

    @Test func whatIsNotInThePlanIsClosed() async throws {
        let server = try ScriptedServer.identity("a")
        let both = Plan(ports: [try planned("one", [server]), try planned("two", [server])])
        let status = await reconciler.apply(both)
        let (one, two) = (try listening(status, 0), try listening(status, 1))
        _ = await reconciler.apply(Plan(ports: [try planned("two", [server])]))
        #expect(await eventually { (try? await answer(one)) == nil })
        #expect(try await answer(two) == "a")
        await relay.stop()
    }

    @Test func anAddressMayMoveFromOneServiceToAnother() async throws {
        let first = try ScriptedServer.identity("first")
        let second = try ScriptedServer.identity("second")
        // Of an address that no other test uses: nobody else can come between.
        let (port, ip) = (4242 as UInt16, "127.77.9.1")
        _ = await reconciler.apply(Plan(ports: [try planned("one", [first], port: port, on: ip)]))
        let plan = Plan(ports: [try planned("two", [second], port: port, on: ip)])
        #expect(await reconciler.apply(plan).problems.isEmpty, "at the first attempt")
        let peer = try ScriptedPeer.connect(to: port, on: ip, script: [.receiveAll])
        #expect(try await peer.finished().received.text == "second")
        await relay.stop()
    }

    @Test func aTakenPortDisturbsNobodyAndHealsByItself() async throws {
        let server = try ScriptedServer.identity("a")
        var holder: ScriptedServer? = try ScriptedServer.identity("somebody else")
        let taken = try #require(holder?.port)
        let plan = Plan(ports: [try planned("web", [server], port: taken), try planned("other", [server])])
        let status = await reconciler.apply(plan)
        #expect(status.ports[0].doors[0].listening == nil)
        let problem = try #require(status.problems.first)
        #expect(
            problem.description.hasPrefix(
                "default/web: cannot listen on 127.0.0.1:\(taken): the address is in use, held by "))
        #expect(try await answer(try listening(status, 1)) == "a")

        await holder?.stop()
        holder = nil
        #expect(await eventually { await reconciler.apply(plan).problems.isEmpty })
        #expect(try await answer(taken) == "a")
        await relay.stop()
    }

    @Test func aDoorThatMayMoveTakesTheNextPort() async throws {
        let server = try ScriptedServer.identity("a")
        let holder = try ScriptedServer.identity("somebody else")
        let plan = Plan(ports: [try planned("web", [server], port: holder.port, fallback: .anotherPort)])
        let status = await reconciler.apply(plan)
        let door = try #require(status.ports[0].doors.first)
        #expect(door.isRemapped && door.problem == nil)
        #expect(try await answer(try listening(status)) == "a")
        #expect(try listening(await reconciler.apply(plan)) == (try listening(status)), "and keeps it")
        await relay.stop()
    }

    @Test func aDuplicateOfThisProgramIsNoticed() async throws {
        // Both share their ports among their workers, and the kernel would let them share with each other.
        let server = try ScriptedServer.identity("a")
        let port = try listening(await reconciler.apply(Plan(ports: [try planned("web", [server])])))
        let other = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 1024)))
        let status = await Reconciler(relay: other).apply(Plan(ports: [try planned("web", [server], port: port)]))
        #expect(status.problems.count == 1)
        await other.stop()
        await relay.stop()
    }

    @Test func whatThereIsNoRoomForIsOneProblemAndGetsItsTurn() async throws {
        let server = try ScriptedServer.identity("a")
        let small = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 64)))
        let reconciler = Reconciler(relay: small)
        let room = small.budget.listeners
        let names = (0..<(room + 3)).map { "s\($0)" }
        func plan(_ names: some Sequence<String>) throws -> Plan {
            Plan(ports: try names.map { try planned($0, [server]) })
        }
        let first = await reconciler.apply(try plan(names.prefix(room)))
        #expect(first.problems == [])
        // It grows beyond what there is room for.
        let grown = await reconciler.apply(try plan(names))
        let problem = try #require(grown.problems.first)
        #expect(grown.problems.count == 1)
        #expect(problem.kind == .resources && problem.subject == "default/s\(room) and 2 more service ports")
        #expect(problem.text.contains("limit of 64 open files"))
        for index in 0..<room { #expect(try listening(grown, index) == (try listening(first, index))) }
        #expect(try await answer(try listening(grown, room - 1)) == "a")
        // Somebody goes, and the next in line is served.
        let after = await reconciler.apply(try plan(names.dropFirst(1)))
        #expect(try await answer(try listening(after, room - 1)) == "a")
        #expect(after.problems.first?.subject == "default/s\(room + 1) and 1 more service ports")
        await small.stop()
    }
}
