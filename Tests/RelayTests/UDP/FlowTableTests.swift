import EventLoop
import Testing

@testable import Relay

@Suite struct FlowTableTests {
    private func key(_ number: Int) -> FlowKey {
        FlowKey(client: .loopback(port: UInt16(number)), listener: 1, destination: nil)
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
        let one = FlowKey(client: .loopback(port: 1), listener: 1, destination: nil)
        let others = [
            FlowKey(client: .loopback(port: 2), listener: 1, destination: nil),
            FlowKey(client: .loopback(port: 1), listener: 2, destination: nil),
            FlowKey(client: .loopback(port: 1), listener: 1, destination: .loopback(port: 0)),
        ]
        #expect(others.allSatisfy { $0 != one })
    }

    /// Who can choose addresses must not be able to choose hashes: flows of one hash are looked through one by one.
    @Test func partsOfAKeyCannotMakeUpForEachOther() {
        let odd: UInt64 = 0x9E37_79B9_7F4A_7C15
        let families: [[FlowKey]] = [
            // A network and a host, a network and a port, the two halves of the address that was sent to.
            (0..<1000).map { key(SocketAddress(v6High: $0 &* odd, low: $0, port: 53)) },
            (0..<1000).map { key(SocketAddress(v6High: $0 << 48, low: 1, port: UInt16($0))) },
            (0..<1000).map { FlowKey(client: .loopback(port: 1), listener: 1, destination: local($0, $0)) },
        ]
        for keys in families { #expect(Set(keys.map(\.hashValue)).count == keys.count) }
    }

    private func key(_ client: SocketAddress) -> FlowKey { FlowKey(client: client, listener: 1, destination: nil) }

    private func local(_ high: UInt64, _ low: UInt64) -> SocketAddress {
        SocketAddress(v6High: high, low: low, port: 0)
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
            // Room for so few that those that wait give way first, and room for so many that they go last.
            for room in [8, 8000] {
                let victim = table.leastWorth(toAdmit: .loopback(port: 9), room: room).map { Int($0.index) }
                let ranks: [UInt64: Int] = [10_000: room == 8 ? 0 : 3, 2000: 1, 60_000: 2]
                func worth(_ flow: Plain) -> [UInt64] { [UInt64(ranks[flow.span] ?? 9), flow.lastActive] }
                let least = expected.values.map(worth).min { $0.lexicographicallyPrecedes($1) }
                #expect(victim.flatMap { expected[$0] }.map(worth) == least)
            }
        }
    }
}

/// Who gives way where there are too many flows.
@Suite struct FlowTableRoomTests {
    private static let room = 64
    private var table = FlowTable(timeouts: FlowTimeouts())
    private var number: UInt32 = 0
    private var alive: [UInt32: SocketAddress] = [:]

    /// Opens a flow as the relay does, with another one giving way if there is no room; returns its number.
    private mutating func open(_ client: SocketAddress) -> UInt32 {
        if table.count >= Self.room, let victim = table.leastWorth(toAdmit: client, room: Self.room) {
            if let client = alive.removeValue(forKey: victim.index), let entry = table.find(key(client)) {
                table.remove(entry)
            }
        }
        number += 1
        alive[number] = client
        let entry = table.insert(key(client), Slab<Flow>.ID(index: number, generation: 1), now: UInt64(number))
        table.used(entry, sent: 1, now: UInt64(number))
        return number
    }

    private mutating func answer(_ number: UInt32, times: Int = 1) {
        guard let client = alive[number], let entry = table.find(key(client)) else { return }
        for _ in 0..<times { table.used(entry, received: 1, now: UInt64(self.number)) }
    }

    private func key(_ client: SocketAddress) -> FlowKey { FlowKey(client: client, listener: 1, destination: nil) }

    private func forged(_ number: Int) -> SocketAddress { SocketAddress(v4: 0x0A00_0000 + UInt32(number), port: 53) }

    private func honest(_ number: Int) -> SocketAddress { SocketAddress(v4: 0xC0A8_0000 + UInt32(number), port: 53) }

    @Test mutating func whoWasAnsweredSurvivesAFloodFromForgedAddresses() {
        let answered = (0..<50).map { open(honest($0)) }
        for number in answered { answer(number) }
        for number in 0..<10_000 { _ = open(forged(number)) }
        #expect(answered.allSatisfy { alive[$0] != nil })
        #expect(table.count == Self.room)
    }

    /// A table full of answered flows makes some room for questions: exchanges that are over go first.
    @Test mutating func aFloodGetsAnEighthOfAFullTable() {
        let going = (0..<40).map { open(honest($0)) }
        for number in going { answer(number, times: 2) }
        let over = (40..<Self.room).map { open(honest($0)) }
        for number in over { answer(number) }
        for number in 0..<10_000 { _ = open(forged(number)) }
        #expect(going.allSatisfy { alive[$0] != nil })
        #expect(over.count { alive[$0] != nil } == over.count - Self.room / 8)
    }

    /// Under an honest load a new question costs no other its answer, but ends an exchange that is over.
    @Test mutating func questionsUnderWayDoNotDriveEachOtherOut() {
        for number in 0..<Self.room { answer(open(honest(number))) }
        let asking = (0..<Self.room / 8).map { open(honest(1000 + $0)) }
        #expect(asking.allSatisfy { alive[$0] != nil })
    }

    @Test(arguments: [false, true])
    mutating func aSourceThatHasManyLosesItsOwn(isIPv6: Bool) {
        let waiting = (0..<20).map { open(honest($0)) }
        for port in 0..<10_000 {
            // All addresses of an IPv6 network are one source.
            let client =
                isIPv6
                ? SocketAddress(v6High: 0xFD00 << 48, low: UInt64(port), port: 53)
                : SocketAddress(v4: 0x0A00_0001, port: UInt16(port))
            _ = open(client)
        }
        #expect(waiting.allSatisfy { alive[$0] != nil })
    }

    @Test mutating func aNewQuestionHasItsTimeInAFlood() {
        for number in 0..<1000 { _ = open(forged(number)) }
        let question = open(honest(1))
        // So many more before it is the turn of this one.
        for number in 1000..<1000 + Self.room - 1 { _ = open(forged(number)) }
        #expect(alive[question] != nil)
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
