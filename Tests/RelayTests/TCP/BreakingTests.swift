import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// One side breaks the connection after it has said something, and perhaps finished (docs/behaviour.md, B5.7).
@Suite(.timeLimit(.minutes(2))) struct BreakingTests {
    @Test(arguments: [5, 8 << 20])
    func anEndpointThatFinishesAndBreaksIsNoticedWithoutTheClient(size: Int) async throws {
        let (taken, leave) = (Cue(), Cue())
        // Or the reset would go before what the endpoint's own kernel has not sent yet.
        let server = try ScriptedServer(script: [
            .expect("hello"), .sendPattern(count: size, seed: 1), .wait(taken), .shutdownWrite, .reset,
        ])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(
            .send("hello"), .expectPattern(count: size, seed: 1), .give(taken), .receiveAll, .wait(leave))
        // The client has got all and the end, and does nothing.
        #expect(await eventually { client.progress.sawEnd || client.progress.failure != nil })
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        leave.give()
        #expect(try await client.finished().sawEnd, "the end came before the reset")
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.endpointReset])
    }

    @Test func aClientThatFinishesAndBreaksIsNoticedWithoutTheEndpoint() async throws {
        let leave = Cue()
        let server = try ScriptedServer(script: [.receiveAll, .wait(leave)])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("hello"), .shutdownWrite, .reset)
        _ = try await client.finished()
        let connection = try await server.connection(0)
        #expect(await eventually { connection.progress.sawEnd || connection.progress.failure != nil })
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        #expect(connection.progress.received.text == "hello")
        leave.give()
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.clientReset])
    }

    /// Each of the two gets all that was acknowledged to the other before that broke the connection, however slow it is:
    /// without a relay all of it would wait in its own socket.
    @Test(arguments: [true, false], [Ending.reset, .endAndReset])
    func whatWasAcknowledgedBeforeAResetIsDelivered(byEndpoint: Bool, ending: Ending) async throws {
        let listener = Stream(try TCPSocket.listen(on: .loopback(port: 0)))
        let harness = try await RelayHarness(endpoints: [try listener.port])
        let begin = Cue()
        // It takes little by little, and nothing before the other side is gone.
        let slow: [PeerStep] = [.wait(begin), .readSlowly(bytesPerStep: 64 << 10, pause: .milliseconds(1))]
        let options = SocketOptions(receiveBuffer: 64 << 10)
        let breaking: Stream
        let reader: ScriptedPeer
        var server: ScriptedServer?
        if byEndpoint {
            reader = try ScriptedPeer.connect(to: harness.port, options: options, script: slow)
            breaking = try await listener.accepted()
        } else {
            let other = try ScriptedServer(options: options, script: slow)
            server = other
            await harness.relay.serve(harness.id, with: RelayHarness.balancer([other.port]))
            await harness.relay.settle()
            breaking = Stream(try TCPSocket.dial(.loopback(port: harness.port)))
            reader = try await other.connection(0)
        }
        let acknowledged = await breaking.writeUntilStuck()
        #expect(acknowledged > 1 << 20)
        if ending == .endAndReset { breaking.finish() }
        breaking.reset()
        #expect(await harness.relay.settledSnapshot().total.open == 1)
        begin.give()
        let report = await reader.report()
        #expect(report.received.count >= acknowledged)
        #expect(report.sawReset, "what was not acknowledged is lost, and that is no end")
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        withExtendedLifetime(server) {}
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [byEndpoint ? .endpointReset : .clientReset])
    }

    enum Ending {
        case reset
        case endAndReset
    }

    @Test func whoTakesNothingIsWaitedForOnlySoLong() async throws {
        let listener = Stream(try TCPSocket.listen(on: .loopback(port: 0)))
        let harness = try await RelayHarness(endpoints: [try listener.port]) { $0.deliveryLimit = 300 }
        let client = try ScriptedPeer.connect(
            to: harness.port, options: SocketOptions(receiveBuffer: 64 << 10), script: [.neverRead])
        let endpoint = try await listener.accepted()
        _ = await endpoint.writeUntilStuck()
        endpoint.reset()
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        client.stop()
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.endpointReset])
    }

    /// Whether the relay holds bytes for it or only the kernel does.
    @Test(arguments: [Int.max, 256 << 10])
    func nobodyIsWaitedForWhoIsGoneToo(size: Int) async throws {
        let listener = Stream(try TCPSocket.listen(on: .loopback(port: 0)))
        let harness = try await RelayHarness(endpoints: [try listener.port])
        let go = Cue()
        let client = try ScriptedPeer.connect(
            to: harness.port, options: SocketOptions(receiveBuffer: 64 << 10), script: [.wait(go), .reset])
        let endpoint = try await listener.accepted()
        _ = await endpoint.writeUntilStuck(most: size)
        endpoint.finish()
        endpoint.reset()
        go.give()
        _ = try await client.finished()
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        await harness.stop()
    }
}

/// A socket whose kernel queues matter. In a class, since closures and `#expect` take no noncopyable values.
private final class Stream: Sendable {
    /// -1 once it is closed.
    private let raw: Locked<Int32>

    init(_ socket: consuming Descriptor) {
        raw = Locked(socket.release())
    }

    deinit { close() }

    private func with<Value>(_ body: (borrowing Descriptor) -> Value) -> Value {
        let socket = Descriptor(owning: raw.withLock { $0 })
        let value = body(socket)
        _ = socket.release()
        return value
    }

    private func close() {
        raw.withLock { raw in
            _ = Descriptor(owning: raw)
            raw = -1
        }
    }

    var port: UInt16 {
        get throws { try #require(with { try? TCPSocket.localAddress(of: $0).port }) }
    }

    func accepted() async throws -> Stream {
        let found = Locked<Stream?>(nil)
        _ = await eventually {
            with { listener in
                if case .accepted(let client, _) = TCPSocket.accept(from: listener) {
                    let stream = Stream(client)
                    found.withLock { $0 = stream }
                }
            }
            return found.withLock { $0 != nil }
        }
        return try #require(found.withLock { $0 })
    }

    /// Writes until nothing has been taken for a while; returns how much the other side's kernel has acknowledged.
    func writeUntilStuck(most: Int = .max) async -> Int {
        let bytes = [UInt8](repeating: 7, count: 64 << 10)
        var (sent, last) = (0, -1)
        _ = await eventually(within: .seconds(20), every: .milliseconds(300)) {
            while sent < most, case .moved(let count) = with({ socket in bytes.withUnsafeBytes { socket.write($0) } }) {
                sent += count
            }
            let acknowledged = sent - with { $0.unacknowledged }
            defer { last = acknowledged }
            return acknowledged == last
        }
        return last
    }

    func finish() { with { $0.shutdownWrite() } }

    func reset() {
        with { $0.resetOnClose() }
        close()
    }
}
