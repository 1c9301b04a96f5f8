import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// One side breaks the connection, and a write to it notices that before any event tells. What it had said by then is there,
/// and nothing else would look for it any more.
@Suite(.timeLimit(.minutes(1))) struct LastWordsTests {
    @Test(arguments: [true, false])
    func theyAreDelivered(byEndpoint: Bool) async throws {
        let go = Cue()
        let leaving: [PeerStep] = [.wait(go), .send("last words"), .reset]
        let staying: [PeerStep] = [.wait(go), .send("more"), .expect("last words"), .receiveReset]
        let server = try ScriptedServer(script: [.expect("hello")] + (byEndpoint ? leaving : staying))
        let worker = try LoneWorker()
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.send("hello")] + (byEndpoint ? staying : leaving))
        #expect(await eventually { server.received == 5 })

        let met = try await worker.perform { worker in
            guard let id = worker.connections.ids.first else { return false }
            let connection = worker.connections[id.index]
            let (left, stays) =
                byEndpoint
                ? (connection.pointee.server.raw, connection.pointee.client.raw)
                : (connection.pointee.client.raw, connection.pointee.server.raw)
            // The worker hears of nothing meanwhile.
            go.give()
            guard Self.wait(for: POLLERR, left), Self.wait(for: POLLIN, stays) else { return false }
            // Of the two events the one of the side that stays comes first.
            if byEndpoint {
                connection.pointee.up.sourceHas(.readable)
            } else {
                connection.pointee.down.sourceHas(.readable)
            }
            worker.relay(id, connection, on: .turn)
            return true
        }
        #expect(met)
        let other = byEndpoint ? client : try await server.connection(0)
        #expect(try await other.finished().sawReset)
        worker.stop()
    }

    /// False if nothing comes in ten seconds.
    private static func wait(for event: Int32, _ descriptor: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        for _ in 0..<1000 {
            poll(&waiting, 1, 0)
            if Int32(waiting.revents) & event != 0 { return true }
            usleep(10_000)
        }
        return false
    }
}
