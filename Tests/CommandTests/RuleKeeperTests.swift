import Proxy
import Relay
import TestSupport
import Testing

@testable import portico

@Suite(.timeLimit(.minutes(1))) struct RuleKeeperTests {
    @Test("After an error there is one more attempt, however often it was asked for")
    func retry() async throws {
        let relay = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 256)))
        let proxy = NodeProxy(relay: relay, settings: NodeSettings(nodeName: "node1"), backEnd: nil)
        let (pauses, runs, over) = (Locked(0), Locked(0), Cue())
        let keeper = RuleKeeper(proxy: proxy, minPeriod: .zero) {
            pauses.withLock { $0 += 1 }
            try? await over.wait()
        }
        let task = Task { await keeper.run { _ in runs.withLock { $0 += 1 } } }
        for _ in 0..<3 { keeper.retryLater() }
        over.give()
        #expect(await eventually { runs.withLock { $0 } > 0 })
        #expect(pauses.withLock { $0 } == 1)
        // Once it was made, another may be asked for.
        keeper.retryLater()
        #expect(await eventually { pauses.withLock { $0 } == 2 })
        task.cancel()
        _ = await relay.stop()
    }
}
