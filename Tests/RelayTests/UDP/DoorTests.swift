import Base
import Glibc
import TestSupport
import Testing

@testable import Relay

/// A receiving socket that the kernel reports an error of.
@Suite(.timeLimit(.minutes(1))) struct DoorTests {
    /// The second kind breaks the socket; the first is about something else, or passes.
    @Test(arguments: [[ECONNREFUSED, EMSGSIZE, ENOMEM], [EIO]])
    func aDoorThatBrokeIsReplacedAndItsFlowsGoOn(errors: [Int32]) async throws {
        let server = try UDPServer()
        let worker = try LoneWorker()
        let port = try worker.open("dns", .udp, endpoints: [server.port])
        try worker.run()
        let client = try UDPClient(to: port)
        #expect(try await client.ask("before") == "before")
        for error in errors {
            let isReplaced = try await worker.perform { worker in
                guard let door = worker.listeners[UInt32(port)] else { return false }
                worker.listenerFailed(door, error)
                return worker.listeners[UInt32(port)] !== door
            }
            #expect(isReplaced == (error == EIO))
            #expect(try await client.ask("after") == "after")
        }
        #expect(server.arrivals.sources.count == 1, "the flow is the same")
        worker.stop()
    }

    /// There is no socket to take its place, at first.
    @Test func aDoorThatCannotBeReplacedIsTriedAgain() async throws {
        await #expect(processExitsWith: .success) {
            let server = try UDPServer()
            let lone = try LoneWorker()
            try lone.run {
                do { try OwnResources.takeDescriptors() } catch { Issue.record(error) }
            }
            // Opened there, or the process would keep it open too, and its share of the clients would get lost.
            let opened = try await lone.perform { _ in try? lone.open("dns", .udp, endpoints: [server.port]) }
            let port = try #require(opened)
            let client = try UDPClient(to: port)
            #expect(try await client.ask("before") == "before")
            let hoard = Hoard()
            try await lone.perform { worker in
                hoard.take(leaving: 0)
                if let door = worker.listeners[UInt32(port)] { worker.listenerFailed(door, EIO) }
            }
            #expect(await eventually { lone.failures.count == 1 })
            #expect(try await lone.perform { $0.listeners[UInt32(port)]?.pause } == .setAside)
            try await lone.perform { _ in hoard.giveBack() }
            #expect(
                try await eventually {
                    try await lone.perform { $0.listeners[UInt32(port)]?.pause } == Listener.Pause.none
                })
            #expect(try await client.ask("after") == "after")
            #expect(lone.failures.count == 1, "told once")
            lone.stop()
            _ = Unmanaged.passRetained(lone)
        }
    }
}
