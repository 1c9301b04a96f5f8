import Balancing
import Base
import Objects
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
            id: id(service), endpoints: try servers.map { ServiceEndpoint(address: try address($0.port)) },
            doors: [PlannedDoor(address: try address(port, on: ip), fallback: fallback)], policy: policy)
    }

    private func key(_ service: String) -> ObjectKey { ObjectKey(namespace: "default", name: service) }

    /// Has these Services served, each with the one port given.
    @discardableResult
    private func apply(
        _ ports: PlannedPort..., gone: [String] = [], by reconciler: Reconciler? = nil
    ) async -> [ObjectKey: [PortStatus]] {
        var plans = Dictionary(uniqueKeysWithValues: ports.map { (key($0.id.name.service), [$0]) })
        for service in gone { plans[key(service)] = [] }
        return await (reconciler ?? self.reconciler).apply(plans)
    }

    private func listening(_ statuses: [ObjectKey: [PortStatus]], _ service: String = "web") throws -> UInt16 {
        let door = try #require(statuses[key(service)]?.first?.doors.first)
        return try #require(door.listening).port
    }

    private func problems(_ statuses: [ObjectKey: [PortStatus]]) -> [Problem] { statuses.values.flatMap(\.problems) }

    private func answer(_ port: UInt16, on host: String = "127.0.0.1") async throws -> String {
        let peer = try ScriptedPeer.connect(to: port, on: host, script: [.receiveAll])
        return try await peer.finished().received.text
    }

    @Test func anUnchangedPlanChangesNothing() async throws {
        let servers = try ["a", "b", "c"].map { try ScriptedServer.identity($0) }
        let first = await apply(try planned("web", servers))
        let port = try listening(first)
        let one = try await answer(port)
        // The same set in another order: neither the door nor the rotation may start anew.
        #expect(try listening(await apply(try planned("web", servers.reversed()))) == port)
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
            endpoints: [ServiceEndpoint(address: try address(server.port), isLocal: true)],
            doors: [PlannedDoor(address: try address(0), fallback: .none)],
            policy: ServicePolicy(sourcePreservation: SourcePreservation()))
        let status = await apply(port, by: Reconciler(relay: relay))
        let client = try UDPClient(to: try listening(status, "dns"), from: "127.0.0.9")
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
        let port = try listening(await apply(try planned("web", servers)))
        let turn = [try await answer(port), try await answer(port), try await answer(port)]
        #expect(Set(turn) == ["a", "b", "c"])
        #expect(try await answer(port) == turn[0])

        let sticky = ServicePolicy(affinity: .clientIP(seconds: 600))
        let changed = await apply(try planned("web", servers, policy: sticky))
        #expect(try listening(changed) == port)
        // Every worker has carried out what came before this by the time it answers.
        await relay.settle()
        for _ in 0..<4 { #expect(try await answer(port) == turn[1]) }
        // The rolling update of the others leaves the client where it is; then the setting goes, and the turns go on.
        let fewer = servers.filter { server in server.port != servers[turn[1] == "a" ? 1 : 0].port }
        _ = await apply(try planned("web", fewer, policy: sticky))
        await relay.settle()
        for _ in 0..<4 { #expect(try await answer(port) == turn[1]) }
        _ = await apply(try planned("web", fewer))
        await relay.settle()
        #expect(Set([try await answer(port), try await answer(port)]).count == 2)
        await relay.stop()
    }

    @Test func endpointsComeAndGoBehindTheSameDoor() async throws {
        let old = try ScriptedServer.identity("old")
        let new = try ScriptedServer.identity("new")
        let port = try listening(await apply(try planned("web", [old])))
        #expect(try await answer(port) == "old")
        let changed = await apply(try planned("web", [new]))
        #expect(try listening(changed) == port)
        #expect(try await eventually { try await answer(port) == "new" })
        await relay.stop()
    }

    @Test("A Service without ports is closed, and others are not touched, named or not")
    func closed() async throws {
        let server = try ScriptedServer.identity("a")
        let status = await apply(
            try planned("one", [server]), try planned("two", [server]), try planned("three", [server]))
        let ports = try ["one", "two", "three"].map { try listening(status, $0) }
        #expect(await apply(try planned("two", [server]), gone: ["one"]).count == 2)
        #expect(await eventually { (try? await answer(ports[0])) == nil })
        #expect(try await answer(ports[1]) == "a")
        #expect(try await answer(ports[2]) == "a")
        await relay.stop()
    }

    @Test func anAddressMayMoveFromOneServiceToAnother() async throws {
        let first = try ScriptedServer.identity("first")
        let second = try ScriptedServer.identity("second")
        // Of an address that no other test uses: nobody else can come between.
        let (port, ip) = (4242 as UInt16, "127.77.9.1")
        await apply(try planned("one", [first], port: port, on: ip))
        let moved = await apply(try planned("two", [second], port: port, on: ip), gone: ["one"])
        #expect(problems(moved) == [], "at the first attempt")
        let peer = try ScriptedPeer.connect(to: port, on: ip, script: [.receiveAll])
        #expect(try await peer.finished().received.text == "second")
        await relay.stop()
    }

    @Test("A door that is not wanted any more is closed, and the others of its port stay")
    func oneDoorLess() async throws {
        let server = try ScriptedServer.identity("a")
        func port(_ hosts: String...) throws -> PlannedPort {
            PlannedPort(
                id: id("web"), endpoints: [ServiceEndpoint(address: try address(server.port))],
                doors: try hosts.map { PlannedDoor(address: try address(0, on: $0)) })
        }
        let both = try #require(await apply(try port("127.0.0.1", "127.0.0.2"))[key("web")]?.first)
        let listening = both.doors.compactMap(\.listening)
        let one = await apply(try port("127.0.0.2"))
        #expect(try self.listening(one) == listening.last?.port)
        #expect(try await answer(try self.listening(one), on: "127.0.0.2") == "a")
        let closed = try #require(listening.first)
        let holder = try ScriptedServer(port: closed.port, script: [.send("other"), .shutdownWrite, .receiveAll])
        #expect(try await answer(holder.port) == "other", "its address is free")
        await relay.stop()
    }

    @Test func aTakenPortDisturbsNobodyAndHealsByItself() async throws {
        let server = try ScriptedServer.identity("a")
        var holder: ScriptedServer? = try ScriptedServer.identity("somebody else")
        let taken = try #require(holder?.port)
        let web = try planned("web", [server], port: taken)
        let status = await apply(web, try planned("other", [server]))
        #expect(status[key("web")]?[0].doors[0].listening == nil)
        let problem = try #require(problems(status).first)
        #expect(
            problem.description.hasPrefix(
                "default/web: cannot listen on 127.0.0.1:\(taken): the address is in use, held by "))
        #expect(try await answer(try listening(status, "other")) == "a")

        await holder?.stop()
        holder = nil
        #expect(await eventually { problems(await apply(web)).isEmpty })
        #expect(try await answer(taken) == "a")
        await relay.stop()
    }

    @Test func aDoorThatMayMoveTakesTheNextPort() async throws {
        let server = try ScriptedServer.identity("a")
        let holder = try ScriptedServer.identity("somebody else")
        let web = try planned("web", [server], port: holder.port, fallback: .anotherPort)
        let status = await apply(web)
        let door = try #require(status[key("web")]?[0].doors.first)
        #expect(door.isRemapped && door.problem == nil)
        #expect(try await answer(try listening(status)) == "a")
        #expect(try listening(await apply(web)) == (try listening(status)), "and keeps it")
        await relay.stop()
    }

    @Test func aDuplicateOfThisProgramIsNoticed() async throws {
        // Both share their ports among their workers, and the kernel would let them share with each other.
        let server = try ScriptedServer.identity("a")
        let port = try listening(await apply(try planned("web", [server])))
        let other = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 1024)))
        let status = await apply(try planned("web", [server], port: port), by: Reconciler(relay: other))
        #expect(problems(status).count == 1)
        await other.stop()
        await relay.stop()
    }

    @Test func whatThereIsNoRoomForIsOneProblemAndGetsItsTurn() async throws {
        let server = try ScriptedServer.identity("a")
        let small = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 64)))
        let reconciler = Reconciler(relay: small)
        let room = small.budget.listeners
        let names = (0..<(room + 3)).map { "s\(1000 + $0)" }
        var shortage = ListenerShortage()
        func apply(_ names: some Sequence<String>, gone: [String] = []) async throws -> [ObjectKey: [PortStatus]] {
            var plans = Dictionary(
                uniqueKeysWithValues: try names.map { (key($0), [try planned($0, [server])]) })
            for name in gone { plans[key(name)] = [] }
            for name in shortage.nextInLine(Set(plans.keys), { plans[$0] ?? [] }) {
                plans[name] = [try planned(name.name, [server])]
            }
            let statuses = await reconciler.apply(plans)
            for (key, status) in statuses { shortage.update(key, status) }
            return statuses
        }
        let first = try await apply(names.prefix(room))
        #expect(problems(first) == [] && shortage.problem(limit: 64) == nil)
        // It grows beyond what there is room for.
        let grown = try await apply(names)
        let problem = try #require(shortage.problem(limit: 64))
        #expect(problems(grown) == [])
        #expect(problem.kind == .resources && problem.subject == "default/\(names[room]) and 2 more service ports")
        #expect(problem.text.contains("limit of 64 open files"))
        for name in names.prefix(room) { #expect(try listening(grown, name) == (try listening(first, name))) }
        #expect(try await answer(try listening(grown, names[room - 1])) == "a")
        // Somebody goes, and the next in line is served.
        let after = try await apply([], gone: [names[0]])
        #expect(try await answer(try listening(after, names[room])) == "a")
        #expect(
            shortage.problem(limit: 64)?.subject == "default/\(names[room + 1]) and 1 more service ports")
        await small.stop()
    }
}
