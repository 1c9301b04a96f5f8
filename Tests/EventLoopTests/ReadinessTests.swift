import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// What a handler was told, in order.
private final class Log {
    private(set) var entries: [(token: EventLoop.Token, readiness: Readiness)] = []

    func add(_ token: EventLoop.Token, _ readiness: Readiness) { entries.append((token, readiness)) }

    func reports(of token: EventLoop.Token) -> [Readiness] { entries.filter { $0.token == token }.map(\.readiness) }
}

@Suite(.timeLimit(.minutes(2))) struct ReadinessTests {
    @Test func presentStateIsReportedFirstAndOnce() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        try loop.watch(pair.left.descriptor, token: 1)
        let log = Log()
        #expect(loop.runTurns(4, log.add) == 0)
        #expect(log.reports(of: 1) == [[.writable]])
    }

    @Test func bytesThatAreLeftUnreadAreNotReportedAgain() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        #expect(pair.right.send("unread"))
        try loop.watch(pair.left.descriptor, token: 1)
        let log = Log()
        #expect(loop.runTurns(4, log.add) == 0)
        #expect(log.reports(of: 1) == [[.readable, .writable]])
        #expect(pair.left.receive() == "unread")
    }

    @Test func newBytesAreReportedThoughOldOnesAreUnread() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        try loop.watch(pair.left.descriptor, token: 1)
        var reports = 0
        let result = loop.runGuarded { _, readiness in
            reports += 1
            #expect(readiness.contains(.readable) == (reports > 1))
            if reports == 4 { loop.stop() } else { #expect(pair.right.send("more")) }
        }
        #expect(result == 0)
        #expect(pair.left.receive() == "moremoremore")
    }

    @Test func roomIsReportedOnceTheReaderHasMadeSome() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        let filled = pair.left.fillUp()
        #expect(filled > 0)
        try loop.watch(pair.left.descriptor, token: 1)
        let counter = Log()
        // Full: nothing to report. The reader then empties it, as work of the loop in some later turn.
        loop.execute { #expect(pair.right.drainAll() == filled) }
        let result = loop.runGuarded { token, readiness in
            counter.add(token, readiness)
            loop.stop()
        }
        #expect(result == 0)
        #expect(counter.reports(of: 1) == [[.writable]])
    }

    @Test func endOfThePeersDirectionIsReported() throws {
        for pair in [try SocketPair(), try SocketPair(tcp: ())] {
            let loop = try EventLoop()
            #expect(pair.right.send("last words"))
            pair.right.shutdownWrite()
            try loop.watch(pair.left.descriptor, token: 1)
            let log = Log()
            #expect(loop.runTurns(3, log.add) == 0)
            #expect(log.reports(of: 1) == [[.readable, .writable, .peerDone]])
            #expect(pair.left.receive() == "last words")
            #expect(pair.left.isAtEnd)
            #expect(pair.left.send("still open"))
        }
    }

    @Test func endOfBothDirectionsIsAHangup() throws {
        let loop = try EventLoop()
        let pair = try SocketPair(tcp: ())
        pair.left.shutdownWrite()
        try loop.watch(pair.left.descriptor, token: 1)
        let log = Log()
        loop.execute { pair.right.shutdownWrite() }
        let result = loop.runGuarded { token, readiness in
            log.add(token, readiness)
            if readiness.contains(.hangup) { loop.stop() }
        }
        #expect(result == 0)
        let last = try #require(log.reports(of: 1).last)
        #expect(last.isSuperset(of: [.readable, .peerDone, .hangup]) && !last.contains(.failed))
    }

    @Test func resetIsAFailureWithItsError() throws {
        let loop = try EventLoop()
        let pair = try SocketPair(tcp: ())
        try loop.watch(pair.left.descriptor, token: 1)
        loop.execute { pair.right.reset() }
        var last: Readiness = []
        let result = loop.runGuarded { _, readiness in
            last = readiness
            if readiness.contains(.failed) { loop.stop() }
        }
        #expect(result == 0)
        #expect(last.isSuperset(of: [.readable, .hangup, .failed]))
        #expect(pair.left.pendingError == ECONNRESET)
        #expect(pair.left.pendingError == 0, "asking clears it")
    }

    @Test func refusedDialIsAFailure() throws {
        let port = try RefusingPort()
        let loop = try EventLoop()
        let log = Log()
        let socket: Descriptor
        do {
            socket = try TCPSocket.dial(.loopback(port: port.port))
        } catch {
            // The other way to be refused: at once.
            #expect(error == SystemError("connect to", "127.0.0.1:\(port.port)", code: ECONNREFUSED))
            return
        }
        try loop.watch(socket, token: 1)
        #expect(loop.runTurns(3, log.add) == 0)
        #expect(log.reports(of: 1).last?.contains(.failed) == true)
    }

    @Test func oneDescriptorIsWatchedOnce() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        try loop.watch(pair.left.descriptor, token: 1)
        let error = try #require(throws: SystemError.self) { try loop.watch(pair.left.descriptor, token: 2) }
        #expect(error == SystemError("watch a descriptor", code: EEXIST))
        loop.stop()
        #expect(loop.runGuarded() == 0)
    }

    @Test func manyMoreThanOneWaitGivesAreAllReported() throws {
        let loop = try EventLoop()
        let pairs = try (0..<300).map { _ in try SocketPair() }
        for (index, pair) in pairs.enumerated() { try loop.watch(pair.left.descriptor, token: EventLoop.Token(index)) }
        var seen: Set<EventLoop.Token> = []
        let result = loop.runGuarded { token, _ in
            seen.insert(token)
            if seen.count == pairs.count { loop.stop() }
        }
        #expect(result == 0)
        #expect(seen.count == 300)
    }

    /// Why a token should carry a generation: the events of a turn are fetched together, and closing a descriptor does not
    /// take back those that are already there.
    @Test func eventOfADescriptorThatWasClosedInTheSameTurnStillComesWithItsOldToken() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        try loop.watch(pair.left.descriptor, token: 1)
        try loop.watch(pair.right.descriptor, token: 2)
        let log = Log()
        let result = loop.runTurns(4) { token, readiness in
            log.add(token, readiness)
            pair.left.close()
            pair.right.close()
        }
        #expect(result == 0)
        #expect(Set(log.entries.map(\.token)) == [1, 2])
        #expect(log.entries.count == 2, "and nothing comes in later turns")
    }
}

@Suite(.timeLimit(.minutes(2))) struct AgainTests {
    @Test func redeliversOnceWithoutReadiness() throws {
        let loop = try EventLoop()
        loop.again(7)
        let log = Log()
        #expect(loop.runTurns(4, log.add) == 0)
        #expect(log.reports(of: 7) == [[]])
    }

    @Test func comesAfterTheEventsAtHand() throws {
        let loop = try EventLoop()
        let (first, second) = (try SocketPair(), try SocketPair())
        try loop.watch(first.left.descriptor, token: 1)
        try loop.watch(second.left.descriptor, token: 2)
        let log = Log()
        let result = loop.runTurns(4) { token, readiness in
            log.add(token, readiness)
            if !readiness.isEmpty { loop.again(token) }
        }
        #expect(result == 0)
        #expect(log.entries.map(\.readiness) == [[.writable], [.writable], [], []])
    }

    @Test func othersGetTheirTurnBesideOneThatAlwaysGoesOn() throws {
        let loop = try EventLoop()
        let (greedy, modest) = (try SocketPair(), try SocketPair())
        try loop.watch(greedy.left.descriptor, token: 1)
        var (rounds, roundAtSend, roundAtReport) = (0, 0, 0)
        let result = loop.runGuarded { token, readiness in
            switch token {
            case 1:
                rounds += 1
                loop.again(1)
                guard rounds == 10 else { return }
                roundAtSend = rounds
                #expect(modest.right.send("me too"))
                #expect(throws: Never.self) { try loop.watch(modest.left.descriptor, token: 2) }
            default:
                #expect(readiness.contains(.readable))
                roundAtReport = rounds
                loop.stop()
            }
        }
        #expect(result == 0)
        #expect(roundAtReport - roundAtSend <= 1)
    }

    @Test func mayBeAskedForOutsideOfAHandler() throws {
        let loop = try EventLoop()
        var seen: Set<EventLoop.Token> = []
        loop.execute { loop.again(1) }
        let timer = Timer(on: loop) { loop.again(2) }
        timer.start(after: 1)
        let result = loop.runGuarded { token, _ in
            seen.insert(token)
            if seen.count == 2 { loop.stop() }
        }
        #expect(result == 0)
        #expect(seen == [1, 2])
        withExtendedLifetime(timer) {}
    }
}
