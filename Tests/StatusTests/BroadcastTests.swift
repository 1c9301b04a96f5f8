import Status
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct BroadcastTests {
    /// What a reader hears until there is no more.
    private func all(_ reader: Broadcast<Int>.Reader) async -> [String] {
        var heard: [String] = []
        for await item in reader {
            switch item {
            case .event(let number): heard.append("\(number)")
            case .missed(let count): heard.append("missed \(count)")
            }
        }
        return heard
    }

    @Test func everyReaderHearsEverythingFromThenOn() async {
        let broadcast = Broadcast<Int>()
        broadcast.send(0)
        let first = broadcast.reader(room: 4)
        broadcast.send(1)
        let second = broadcast.reader(room: 4)
        broadcast.send(2)
        broadcast.finish()
        broadcast.send(3)
        #expect(await all(first) == ["1", "2"])
        #expect(await all(second) == ["2"])
        #expect(await all(broadcast.reader(room: 4)) == [], "it is over")
    }

    @Test func aSlowReaderMissesTheOldestAndIsToldHowMany() async {
        let broadcast = Broadcast<Int>()
        let (slow, fast) = (broadcast.reader(room: 3), broadcast.reader(room: 100))
        for number in 0..<10 { broadcast.send(number) }
        broadcast.finish()
        #expect(await all(slow) == ["missed 7", "7", "8", "9"])
        #expect(await all(fast) == (0..<10).map { "\($0)" })
    }

    @Test func whatComesWhileSomeWaitIsHeardAfterThem() async {
        let broadcast = Broadcast<Int>()
        let reader = broadcast.reader(room: 3)
        var next = reader.makeAsyncIterator()
        for number in 0..<3 { broadcast.send(number) }
        guard case .event(0) = await next.next() else { return #expect(Bool(false), "the first comes first") }
        broadcast.send(3)
        broadcast.finish()
        #expect(await all(reader) == ["1", "2", "3"])
    }

    @Test func theRoomIsUsedAgain() async {
        let broadcast = Broadcast<Int>()
        let reader = broadcast.reader(room: 3)
        var next = reader.makeAsyncIterator()
        var heard: [String] = []
        // The place of the first goes round; at every fourth step one is missed.
        for number in 0..<12 {
            broadcast.send(number)
            if number % 4 == 3 {
                while heard.last != "\(number)" {
                    switch await next.next() {
                    case .event(let number): heard.append("\(number)")
                    case .missed(let count): heard.append("missed \(count)")
                    case nil: return #expect(Bool(false), "it has ended")
                    }
                }
            }
        }
        let expected = [0, 4, 8].flatMap { ["missed 1", "\($0 + 1)", "\($0 + 2)", "\($0 + 3)"] }
        #expect(heard == expected)
    }

    @Test func whoWaitsIsWoken() async {
        let broadcast = Broadcast<Int>()
        let reader = broadcast.reader(room: 3)
        async let heard = all(reader)
        for number in 0..<100 {
            broadcast.send(number)
            await Task.yield()
        }
        broadcast.finish()
        let last = await heard.last
        #expect(last == "99")
    }

    @Test func aReaderThatIsCancelledEnds() async {
        let broadcast = Broadcast<Int>()
        let task = Task { await all(broadcast.reader(room: 3)) }
        task.cancel()
        _ = await task.value
        broadcast.send(1)
    }

    /// Of what many send at once, each reader hears each in turn, or how many it has missed.
    @Test func nothingIsLostWithoutAWord() async {
        let broadcast = Broadcast<Int>()
        let readers = [1, 16, 100_000].map { broadcast.reader(room: $0) }
        await withTaskGroup(of: Int.self) { group in
            for reader in readers {
                group.addTask {
                    var sum = 0
                    for await item in reader { if case .missed(let count) = item { sum += count } else { sum += 1 } }
                    return sum
                }
            }
            await withTaskGroup(of: Void.self) { senders in
                for _ in 0..<4 { senders.addTask { for number in 0..<5000 { broadcast.send(number) } } }
            }
            broadcast.finish()
            for await sum in group { #expect(sum == 20_000) }
        }
    }

    /// Something whose end can be seen.
    private final class Token: Sendable {
        private let over: @Sendable () -> Void
        init(_ over: @escaping @Sendable () -> Void) { self.over = over }
        deinit { over() }
    }

    @Test("Nothing is kept that was taken, was missed, or has no reader any more")
    func memory() async {
        let broadcast = Broadcast<Token>()
        let ended = Locked<[Int]>([])
        func send(_ number: Int) { broadcast.send(Token { ended.withLock { $0.append(number) } }) }
        send(1)
        #expect(ended.withLock { $0 } == [1], "nobody reads")
        do {
            let reader = broadcast.reader(room: 2)
            var next = reader.makeAsyncIterator()
            send(2)
            _ = await next.next()
            #expect(ended.withLock { $0 } == [1, 2])
            for number in 3...5 { send(number) }
            #expect(ended.withLock { $0 } == [1, 2, 3])
            withExtendedLifetime(next) {}
        }
        #expect(Set(ended.withLock { $0 }) == [1, 2, 3, 4, 5])
        send(6)
        #expect(ended.withLock { $0 }.contains(6))
    }

    @Test("An iterator hears on though its reader is named no more, and a second end is none")
    func iterator() async {
        let broadcast = Broadcast<Int>()
        var next = broadcast.reader(room: 2).makeAsyncIterator()
        broadcast.send(1)
        broadcast.finish()
        broadcast.finish()
        guard case .event(1) = await next.next() else { return #expect(Bool(false), "it was sent") }
        for _ in 0..<2 { #expect(await next.next() == nil) }
    }
}
