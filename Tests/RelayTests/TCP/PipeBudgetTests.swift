import EventLoop
import Glibc
import Relay
import TestSupport
import Testing

/// An ordinary user may have only so many pipe pages; beyond that pipes shrink, and splicing would be slower than copying
/// (docs/behaviour.md, B7.6).
@Suite(.timeLimit(.minutes(2))) struct PipeBudgetTests {
    @Test(.requires(.ordinaryUser)) func withoutPipesTheRelayCopies() async throws {
        await #expect(processExitsWith: .success) {
            try raiseDescriptorLimit(to: 8192)
            try OrdinaryUser.become()
            // Spends the user's whole budget, until even growing by a page is refused.
            let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which Glibc's module lacks
            var hoard: [Int32] = []
            while hoard.count < 6000 {
                var ends: [Int32] = [0, 0]
                guard pipe(&ends) == 0 else { break }
                hoard += ends
                if fcntl(ends[1], setPipeSize, 256 * 1024) < 0 { break }
            }
            let size = 64 << 20
            let server = try ScriptedServer(script: [.expectPattern(count: size, seed: 4), .send("ok")])
            let harness = try await RelayHarness(endpoints: [server.port])
            let client = try harness.client(.sendPattern(count: size, seed: 4), .expect("ok"))
            _ = try await client.finished()
            let total = await harness.relay.settledSnapshot().total
            #expect(total.splicedBytes == 0)
            #expect(total.copiedBytes >= UInt64(size))
            #expect(total.pipes == 0, "a shrunken pipe is not kept")
            await harness.stop()
            for descriptor in hoard { close(descriptor) }
        }
    }

    @Test func rootSplices() async throws {
        let size = 64 << 20
        let server = try ScriptedServer(script: [.expectPattern(count: size, seed: 4), .send("ok")])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.sendPattern(count: size, seed: 4), .expect("ok"))
        _ = try await client.finished()
        let total = await harness.relay.settledSnapshot().total
        #expect(total.splicedBytes > UInt64(size) / 2)
        #expect(total.pipes > 0 && total.pipes <= 4, "few pipes serve many streams")
        await harness.stop()
    }
}
