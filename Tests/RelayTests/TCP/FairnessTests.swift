import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// What one client may cost others that are served by the same worker. Counted in bytes that the worker moves for the one
/// meanwhile, and not in time, which says more about the machine.
@Suite(.timeLimit(.minutes(3)), .serialized) struct FairnessTests {
    /// What the worker has moved so far.
    private func moved(_ lone: LoneWorker) async throws -> UInt64 {
        try await lone.perform { $0.counters.copiedBytes.value + $0.counters.splicedBytes.value }
    }

    /// The median of what the worker moves for bulk streams while one small message goes there and back.
    private func bytesPerRoundTrip(beside streams: Int) async throws -> UInt64 {
        let lone = try LoneWorker()
        let echo = try ScriptedServer.echo()
        let bulk = try BulkLoad()
        let bulkPort = try lone.open("bulk", endpoints: [bulk.sink])
        let pingPort = try lone.open("ping", endpoints: [echo.port])
        try lone.run()
        try bulk.start(streams, through: bulkPort)
        let moves = try await eventually { try await moved(lone) > UInt64(streams) << 20 }
        #expect(moves)

        var costs: [UInt64] = []
        let client = try TCPSocket.dial(.loopback(port: pingPort))
        for _ in 0..<21 {
            let before = try await moved(lone)
            _ = [UInt8(1)].withUnsafeBytes { client.write($0) }
            // Waited for on the spot, since looking now and then would cost more than what is measured.
            var polled = pollfd(fd: client.raw, events: Int16(POLLIN), revents: 0)
            _ = poll(&polled, 1, 60_000)
            var byte: UInt8 = 0
            try #require(withUnsafeMutableBytes(of: &byte) { client.read(into: $0) } == .moved(1))
            costs.append(try await moved(lone) - before)
        }
        bulk.stop()
        lone.stop()
        await echo.stop()
        return costs.sorted()[costs.count / 2]
    }

    @Test("A small message beside 64 streams costs no more than a few times what it costs beside 4")
    func messagesBesideStreams() async throws {
        let few = try await bytesPerRoundTrip(beside: 4)
        let many = try await bytesPerRoundTrip(beside: 64)
        #expect(many < 4 * few + 32 << 20, "\(few >> 20) MiB beside 4 streams, \(many >> 20) MiB beside 64")
    }
}
