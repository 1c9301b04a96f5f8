import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Doors are opened so that no client comes to harm by it, and refused before descriptors run out.
@Suite(.timeLimit(.minutes(2))) struct OpeningTests {
    private let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)

    private func id(_ name: String) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: name), .tcp)
    }

    /// A socket that listens to find out whether the address is free, and is closed again, would reset who came to it.
    @Test func whoConnectsWhileADoorOpensIsServed() async throws {
        let server = try ScriptedServer.identity("a")
        let harness = try await RelayHarness(endpoints: [server.port])
        for _ in 0..<40 {
            let port = try freePort()
            let (isTrying, answer) = (Locked(false), Locked<String?>(nil))
            try spawnThread {
                let told = firstAnswer(at: port) { isTrying.withLock { $0 = true } }
                answer.withLock { $0 = told }
            }
            #expect(await eventually(every: .microseconds(100)) { isTrying.withLock { $0 } })
            let door = try await harness.relay.open(harness.id, on: EndpointAddress(ip: loopback.ip, port: port)).door
            #expect(await eventually { answer.withLock { $0 } != nil })
            #expect(answer.withLock { $0 } == "a")
            await harness.relay.close(door)
        }
        await harness.stop()
    }

    @Test func whatThereIsNoRoomForIsRefusedAndTheRestIsServed() async throws {
        let server = try ScriptedServer.identity("a")
        let relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 64)))
        let limit = relay.budget.listeners
        await relay.expect(doors: limit + 1)
        var doors: [(door: Relay.DoorID, address: EndpointAddress)] = []
        for number in 0..<limit {
            await relay.serve(id("\(number)"), with: RelayHarness.balancer([server.port]))
            doors.append(try await relay.open(id("\(number)"), on: loopback))
        }
        await relay.serve(id("late"), with: RelayHarness.balancer([server.port]))
        await #expect { _ = try await relay.open(id("late"), on: loopback) } throws: { error in
            (error as? SystemError)?.isOutOfDescriptors == true
        }
        func answer(_ address: EndpointAddress) async throws -> String {
            try await ScriptedPeer.connect(to: address.port, script: [.receiveAll]).finished().received.text
        }
        for door in doors { #expect(try await answer(door.address) == "a") }
        // There is room again, and the late one gets it.
        await relay.close(doors[0].door)
        let late = try await relay.open(id("late"), on: loopback)
        #expect(try await answer(late.address) == "a")
        await relay.stop()
    }

    @Test func theReserveIsNotOpenedInto() async throws {
        await #expect(processExitsWith: .success) {
            // Numbers may be missing among the descriptors that a process inherits; they would be taken first.
            var last = dup(0)
            while Int(last) < Descriptors.open() - 1 { last = dup(0) }
            let baseline = Descriptors.open()
            func attempt() throws {
                let error = try #require(throws: SystemError.self) {
                    // Two of these three are beyond it.
                    _ = try SharedSockets.open(.tcp, on: .loopback(port: 0), count: 3, below: baseline + 2)
                }
                #expect(error.isOutOfDescriptors)
            }
            try attempt()
            #expect(Descriptors.open() == baseline, "nothing is left over")
        }
    }
}

/// What the first connection is told that comes about at a port, however soon: or how it ended.
private func firstAnswer(at port: UInt16, trying: () -> Void) -> String {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    // A minute and more: each attempt takes some microseconds.
    for attempt in 0..<5_000_000 {
        if attempt == 20 { trying() }
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { continue }
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, 0)
        return count == 1 ? String(UnicodeScalar(byte)) : count == 0 ? "end" : "errno \(errno)"
    }
    return "nobody"
}
