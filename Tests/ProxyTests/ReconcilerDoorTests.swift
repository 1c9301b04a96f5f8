import Balancing
import Base
import Glibc
import Objects
import Relay
import Status
import TestSupport
import Testing

@testable import Proxy

/// Who gets which number, of a real relay on loopback. Each test has an address that no other has.
@Suite("Numbers of doors") struct ReconcilerDoorTests {
    private let relay: Relay
    private let reconciler: Reconciler
    private let web = ObjectKey(namespace: "default", name: "web")

    init() throws {
        relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 1024)))
        reconciler = Reconciler(relay: relay)
    }

    private func port(_ name: String, _ doors: PlannedDoor...) -> PlannedPort {
        PlannedPort(
            id: ServicePortID(ServicePortName(namespace: "default", service: "web", port: name), .tcp), endpoints: [],
            doors: doors)
    }

    private func door(
        _ host: String, _ number: UInt16, _ fallback: PlannedDoor.Fallback = .anotherPort
    ) -> PlannedDoor {
        PlannedDoor(address: EndpointAddress(ip: ip(host), port: number), fallback: fallback)
    }

    private func apply(_ ports: PlannedPort...) async throws -> [PortStatus] {
        try #require(await reconciler.apply([web: ports])[web])
    }

    private func numbers(_ ports: [PortStatus]) -> [UInt16?] { ports.flatMap { $0.doors.map { $0.listening?.port } } }

    @Test("What moves takes no number that another port of the Service has, however they are called")
    func realNumbersFirst() async throws {
        let holder = try ScriptedServer(on: "127.77.20.1", script: [])
        let first = holder.port
        // The first one has to move, and the next number is the second's.
        let status = try await apply(
            port("a", door("127.77.20.1", first)), port("b", door("127.77.20.1", first + 1)))
        #expect(numbers(status) == [first + 2, first + 1])
        #expect(status[0].doors[0].occupied == EndpointAddress(ip: ip("127.77.20.1"), port: first))
        #expect(status[1].doors[0].occupied == nil)
        await relay.stop()
    }

    @Test("What has moved gives way to a port that comes later and has that number")
    func givesWay() async throws {
        let holder = try ScriptedServer(on: "127.77.20.2", script: [])
        let first = holder.port
        let one = port("a", door("127.77.20.2", first))
        #expect(numbers(try await apply(one)) == [first + 1])
        let both = try await apply(one, port("b", door("127.77.20.2", first + 1)))
        #expect(numbers(both) == [first + 2, first + 1])
        #expect(numbers(try await apply(one)) == [first + 2], "and stays where it is then")
        await relay.stop()
    }

    @Test("A number that the kernel chooses is one for all addresses", .requires(.ipv6Loopback))
    func oneNumber() async throws {
        let wanted = port("a", door("127.0.0.1", 0, .none), door("::1", 0, .absence))
        for _ in 0..<8 {
            let status = try await apply(wanted)
            let chosen = numbers(status).compactMap(\.self)
            #expect(chosen.count == 2 && Set(chosen).count == 1 && chosen != [0, 0])
            #expect(numbers(try await apply(wanted)) == chosen, "and stays")
            _ = try await apply(port("b", door("127.77.20.3", 4242)))
        }
        // One that is added has it as well.
        let chosen = numbers(try await apply(wanted)).compactMap(\.self)
        let more = port("a", door("127.0.0.1", 0, .none), door("::1", 0, .absence), door("127.77.20.4", 0, .none))
        #expect(numbers(try await apply(more)).compactMap(\.self) == [chosen[0], chosen[0], chosen[0]])
        await relay.stop()
    }

    @Test("An address that the machine does not have is missed only where it was asked for")
    func absence() async throws {
        let optional = try await apply(port("a", door("192.0.2.1", 4242, .absence)))
        #expect(optional[0].doors.isEmpty && optional.areOpen)
        let wanted = try await apply(port("a", door("192.0.2.1", 4242, .none)))
        #expect(wanted.problems.count == 1 && !wanted.areOpen)
        await relay.stop()
    }

    @Test("One note says that numbers are others' and whose, however many they are")
    func note() throws {
        func status(_ name: String, _ occupied: UInt16?) -> PortStatus {
            let wanted = EndpointAddress(ip: ip("127.64.0.1"), port: 80)
            return PortStatus(
                id: port(name).id,
                doors: [
                    DoorStatus(
                        wanted: wanted, listening: EndpointAddress(ip: wanted.ip, port: 8081), problem: nil,
                        occupied: occupied.map { EndpointAddress(ip: wanted.ip, port: $0) })
                ])
        }
        var moved = MovedPorts()
        var looks = 0
        func note(_ owner: String?) -> String? {
            moved.note { _, _ in
                looks += 1
                return owner
            }?.text
        }
        moved.update(web, [status("a", nil)])
        #expect(note("x (pid 1)") == nil, "for want of a privilege: the table says enough")
        moved.update(web, [status("a", 8080)])
        let one = "default/web:a is served at 127.64.0.1:8081, for 127.64.0.1:8080 is in use, held by x (pid 1)"
        #expect(note("x (pid 1)") == one && note("x (pid 1)") == one && looks == 1)
        moved.update(web, [status("b", 8080), status("c", 8080), status("d", 8080)])
        #expect(
            note("portico (pid 2)") == "default/web:b is served at 127.64.0.1:8081, for 127.64.0.1:8080 is in use, "
                + "held by portico (pid 2); so it is with 2 more service ports: another Portico serves these Services "
                + "already")
        moved.update(web, [])
        #expect(note(nil) == nil)
    }
}
