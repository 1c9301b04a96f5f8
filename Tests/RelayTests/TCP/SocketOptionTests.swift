import Glibc
import TestSupport
import Testing

@testable import Relay

/// What the relay sets on its own two sockets of a connection, and what it must not set.
@Suite(.timeLimit(.minutes(1))) struct SocketOptionTests {
    private let tcp = Int32(IPPROTO_TCP)

    @Test func bothLegsSendSmallMessagesAtOnce() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("x"), .expect("x"), .wait(Cue()))
        #expect(await eventually { client.progress.received.count == 1 })
        // Without it a second small message waits for the acknowledgement of the first, which the peer delays by 40 ms.
        let accepted = try #require(OpenSocket.accepted(at: harness.port))
        #expect(accepted.option(tcp, TCP_NODELAY) == 1)
        let dialled = try #require(OpenSocket.connected(to: server.port))
        #expect(dialled.option(tcp, TCP_NODELAY) == 1)
        // Both were needed to here, or their sockets would have been closed.
        client.stop()
        await server.stop()
        await harness.stop()
    }

    /// A client that waits for the server to speak first must be accepted although it sends nothing, and bytes in a SYN may
    /// arrive twice.
    @Test func neitherDeferredAcceptNorFastOpen() async throws {
        let server = try ScriptedServer.echo(identity: "greeting")
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.expect("greeting"), .wait(Cue()))
        #expect(await eventually { client.progress.received.count == 8 })
        let listener = try #require(OpenSocket.listening(at: harness.port))
        #expect(listener.option(tcp, TCP_DEFER_ACCEPT) == 0)
        #expect(listener.option(tcp, TCP_FASTOPEN) == 0)
        let dialled = try #require(OpenSocket.connected(to: server.port))
        #expect(dialled.option(tcp, TCP_FASTOPEN_CONNECT) == 0)
        client.stop()
        await server.stop()
        await harness.stop()
    }

    /// Else a connection whose other side lost its power, or its route, would be there for ever.
    @Test func bothLegsAreKeptAlive() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port]) { $0.youth = 10 }
        let client = try harness.client(.send("x"), .expect("x"), .wait(Cue()))
        #expect(await eventually { client.progress.received.count == 1 })
        try expectKeepAlive(OpenSocket.accepted(at: harness.port))
        // The endpoint's gets it once the connection is no longer young.
        let dialled = try #require(OpenSocket.connected(to: server.port))
        #expect(await eventually { dialled.option(SOL_SOCKET, SO_KEEPALIVE) == 1 })
        try expectKeepAlive(dialled)
        client.stop()
        await server.stop()
        await harness.stop()
    }

    /// Most connections are half-open for a moment: the four calls are not worth it then.
    @Test func aHalfOpenConnectionIsKeptAliveIfItStaysSo() async throws {
        let server = try ScriptedServer(script: [.receiveAll, .wait(Cue())])
        for youth in [3_600_000, 10 as UInt64] {
            let harness = try await RelayHarness(endpoints: [server.port], workers: 1) { $0.youth = youth }
            let client = try harness.client(.shutdownWrite, .wait(Cue()))
            #expect(await eventually { await harness.relay.settledSnapshot().total.halfOpen == 1 })
            if youth > 10 {
                #expect(OpenSocket.connected(to: server.port)?.option(SOL_SOCKET, SO_KEEPALIVE) == 0)
            } else {
                let dialled = try #require(OpenSocket.connected(to: server.port))
                #expect(await eventually { dialled.option(SOL_SOCKET, SO_KEEPALIVE) == 1 })
                try expectKeepAlive(dialled)
                #expect(await harness.relay.settledSnapshot().total.halfOpen == 1)
            }
            client.stop()
            await harness.stop()
        }
        await server.stop()
    }

    private func expectKeepAlive(_ socket: OpenSocket?) throws {
        let socket = try #require(socket)
        #expect(socket.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(socket.option(tcp, TCP_KEEPIDLE) == 15)
        #expect(socket.option(tcp, TCP_KEEPINTVL) == 15)
        #expect(socket.option(tcp, TCP_KEEPCNT) == 9)
    }
}
