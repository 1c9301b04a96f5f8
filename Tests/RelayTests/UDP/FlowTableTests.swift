import EventLoop
import Testing

@testable import Relay

@Suite struct FlowTableTests {
    private func key(_ number: Int) -> FlowKey {
        FlowKey(client: .loopback(port: UInt16(number)), door: 1, destination: nil)
    }

    private func flow(_ number: Int) -> Slab<Flow>.ID { Slab<Flow>.ID(index: UInt32(number), generation: 1) }

    @Test func silenceIsMeasuredByWhatTheFlowHasDone() {
        var table = FlowTable(timeouts: FlowTimeouts())
        let waiting = table.insert(key(1), flow(1), now: 0)
        table.used(waiting, sent: 1, now: 0)
        #expect(table.expired(at: 9999) == nil && table.expired(at: 10_000) == flow(1))
        table.used(waiting, received: 1, now: 0)
        #expect(table.expired(at: 1999) == nil && table.expired(at: 2000) == flow(1))
        table.used(waiting, sent: 1, now: 0)
        #expect(table.expired(at: 59_999) == nil && table.expired(at: 60_000) == flow(1))
    }

    @Test func aClientIsOwedAnAnswerThatIsNotThereYet() {
        var table = FlowTable(timeouts: FlowTimeouts())
        let entry = table.insert(key(1), flow(1), now: 0)
        #expect(!table.isOwed(entry, at: 0), "it has not asked anything")
        // Two questions at once, as resolvers ask.
        table.used(entry, sent: 2, now: 0)
        table.used(entry, received: 1, now: 10)
        #expect(table.isOwed(entry, at: 10))
        #expect(table.isOwed(entry, at: 10_009) && !table.isOwed(entry, at: 10_010), "nobody waits for ever")
        table.used(entry, received: 1, now: 20)
        #expect(!table.isOwed(entry, at: 20))
        // In a long exchange the numbers mean nothing, but who spoke last does.
        table.used(entry, sent: 100, now: 30)
        #expect(table.isOwed(entry, at: 30))
        table.used(entry, received: 1, now: 40)
        #expect(!table.isOwed(entry, at: 40))
    }

    @Test func oneLimitMayHoldForAll() {
        var table = FlowTable(timeouts: FlowTimeouts(fixed: 250))
        let entry = table.insert(key(1), flow(1), now: 0)
        table.used(entry, sent: 5, received: 5, now: 100)
        #expect(table.expired(at: 349) == nil && table.expired(at: 350) == flow(1))
    }

    @Test func clientsDoorsAndDestinationsTellFlowsApart() {
        let one = FlowKey(client: .loopback(port: 1), door: 1, destination: nil)
        let others = [
            FlowKey(client: .loopback(port: 2), door: 1, destination: nil),
            FlowKey(client: .loopback(port: 1), door: 2, destination: nil),
            FlowKey(client: .loopback(port: 1), door: 1, destination: .loopback(port: 0)),
        ]
        #expect(others.allSatisfy { $0 != one })
    }

    /// Against the obvious implementation, over random histories.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func itAgreesWithADictionary(seed: UInt64) {
        struct Plain {
            var sent = 0
            var received = 0
            var lastActive: UInt64 = 0
            var span: UInt64 { received == 0 ? 10_000 : sent <= 1 && received <= 1 ? 2000 : 60_000 }
        }
        var random = SeededGenerator(seed: seed)
        var table = FlowTable(timeouts: FlowTimeouts())
        var expected: [Int: Plain] = [:]
        var now: UInt64 = 1
        for _ in 0..<3000 {
            now += UInt64.random(in: 0..<400, using: &random)
            let number = Int.random(in: 1..<60, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                if let entry = table.find(key(number)) { table.remove(entry) }
                expected[number] = nil
            case 1:
                while let flow = table.expired(at: now), let entry = table.find(key(Int(flow.index))) {
                    let plain = expected.removeValue(forKey: Int(flow.index))
                    #expect(plain.map { $0.lastActive + $0.span <= now } == true)
                    table.remove(entry)
                }
                #expect(expected.values.allSatisfy { $0.lastActive + $0.span > now })
            default:
                let entry = table.find(key(number)) ?? table.insert(key(number), flow(number), now: now)
                let isReply = Bool.random(using: &random) && expected[number] != nil
                table.used(entry, sent: isReply ? 0 : 1, received: isReply ? 1 : 0, now: now)
                var plain = expected[number] ?? Plain()
                if isReply { plain.received += 1 } else { plain.sent += 1 }
                plain.lastActive = now
                expected[number] = plain
            }
            #expect(table.count == expected.count)
            #expect(table.leastRecentlyUsed?.lastActive == expected.values.map(\.lastActive).min())
        }
    }
}

@Suite struct RunCutterTests {
    @Test(arguments: [
        ([100, 100, 100], [3]), ([100, 100, 60], [3]), ([100, 60, 60], [2, 1]), ([60, 100], [1, 1]), ([0, 0], [1, 1]),
        ([100, 0], [1, 1]), ([65_000, 1], [1, 1]), ([40_000, 25_000, 1], [2, 1]),
        (Array(repeating: 10, count: 70), [64, 6]),
    ])
    func runsAreWhatOneCallCanSend(lengths: [Int], expected: [Int]) {
        var run = RunCutter()
        var runs: [Int] = []
        for (slot, length) in lengths.enumerated() where !run.add(slot, length: length) {
            runs.append(run.slots.count)
            run.reset()
            let isTaken = run.add(slot, length: length)
            #expect(isTaken, "an empty run takes anything")
        }
        runs.append(run.slots.count)
        #expect(runs == expected)
    }
}
