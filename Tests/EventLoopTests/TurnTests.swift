import EventLoop
import TestSupport
import Testing

/// How the work of one loop is shared out between those who are heard of and those who are queued.
@Suite(.timeLimit(.minutes(2))) struct TurnTests {
    /// Keeps the thread busy for longer than queued work may have of a turn.
    private func work() {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .milliseconds(2) {}
    }

    @Test("An event waits for one of those that are queued, not for all of them")
    func eventsBesideAQueue() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        try loop.watch(pair.left.descriptor, token: 1000)
        for token: EventLoop.Token in 0..<64 { loop.again(token) }
        var between: [Int] = []
        var ran = 0
        let result = loop.runGuarded { token, readiness in
            guard token == 1000 else {
                work()
                ran += 1
                return loop.again(token)
            }
            if readiness.contains(.readable) {
                _ = pair.left.receive()
                between.append(ran)
            }
            if between.count == 10 { return loop.stop() }
            ran = 0
            #expect(pair.right.send("x"))
        }
        #expect(result == 0)
        #expect(between.allSatisfy { $0 <= 2 }, "ran before each event: \(between)")
    }

    @Test("Timers and other threads' work wait for one of those that are queued, too")
    func timersBesideAQueue() throws {
        let loop = try EventLoop()
        var ran = 0
        var atTimer: Int?
        let timer = Timer(on: loop) {
            atTimer = ran
            ran = 0
            loop.execute { loop.stop() }
        }
        timer.start(after: 0)
        for token: EventLoop.Token in 0..<64 { loop.again(token) }
        let result = loop.runGuarded { token, _ in
            work()
            ran += 1
            loop.again(token)
        }
        #expect(result == 0)
        #expect(try #require(atTimer) <= 4)
        #expect(ran <= 4, "before the other thread's work")
        withExtendedLifetime(timer) {}
    }

    @Test("Events without end leave half of the time to those that are queued")
    func aQueueBesideEvents() throws {
        let loop = try EventLoop()
        let pairs = try (0..<16).map { _ in try SocketPair() }
        for (token, pair) in pairs.enumerated() {
            try loop.watchListener(pair.left.descriptor, token: EventLoop.Token(token))
            // Never read, and so reported in every turn.
            #expect(pair.right.send("x"))
        }
        for token: EventLoop.Token in 100..<200 { loop.again(token) }
        var events = 0
        var queued = 0
        let result = loop.runGuarded { token, _ in
            work()
            guard token >= 100 else {
                events += 1
                return
            }
            queued += 1
            if queued == 160 { return loop.stop() }
            loop.again(token)
        }
        #expect(result == 0)
        #expect(events < 2 * queued && queued < 2 * events, "\(events) events, \(queued) of the queue")
    }

    @Test("A long turn is told apart from a short one")
    func hasTime() throws {
        let loop = try EventLoop()
        var answers: [Bool] = []
        loop.again(1)
        let result = loop.runGuarded { _, _ in
            work()
            answers.append(loop.hasTime)
            loop.stop()
        }
        #expect(result == 0)
        #expect(answers == [false])
    }
}
