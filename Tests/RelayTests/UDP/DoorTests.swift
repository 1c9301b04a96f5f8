import Glibc
import Services
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
                worker.doorFailed(door, error)
                return worker.listeners[UInt32(port)] !== door
            }
            #expect(isReplaced == (error == EIO))
            #expect(try await client.ask("after") == "after")
        }
        #expect(server.arrivals.sources.count == 1, "the flow is the same")
        worker.stop()
    }
}
