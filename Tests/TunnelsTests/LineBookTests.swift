import Glibc
import NIOCore
import NIOEmbedded
import Testing

@testable import Tunnels

/// Which lines are made, given, kept and closed, as values.
@Suite struct LineBookTests {
    private let loop = EmbeddedEventLoop()
    private let now = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func waiter(_ pod: String) -> LineWaiter {
        LineWaiter(pod: PodPort(namespace: "shop", pod: pod, port: 80), deliver: { _ in })
    }

    private func name(_ pod: String) -> LineKey { LineKey(PodPort(namespace: "shop", pod: pod, port: 80)) }

    private func line(_ pod: String) -> PodLine {
        PodLine(
            name(pod), .webSocket, on: loop, pinging: Pinging(),
            PodLine.Listener(isFree: { _ in }, hasEnded: { _ in }), cut: {})
    }

    @Test("A pod of a dead node has a share of the lines that are made, and others have theirs")
    func shares() {
        var book = LineBook()
        var made: [LineKey] = []
        for _ in 0..<40 { made += book.take(waiter("dead"), at: now).made }
        #expect(made.count == LineBook.mostMadeOfOne)
        for pod in 1...10 {
            for _ in 0..<8 { made += book.take(waiter("pod-\(pod)"), at: now).made }
        }
        #expect(made.count == LineBook.mostMade, "all of them together")
        #expect(made.count { $0 == name("pod-1") } == 8)
        // What comes to an end makes room for who waits in line.
        let work = book.notMade(name("dead"), TunnelFailure(code: ETIMEDOUT, text: ""), at: now)
        #expect(work.failed.count == 40, "what one has been told holds for all")
        #expect(work.made.count == 1)
    }

    @Test("After a refusal a pod is left alone for a while, longer each time, and then one finds out for all")
    func refusals() {
        var book = LineBook()
        let failure = TunnelFailure(code: EACCES, text: "no")
        #expect(book.take(waiter("a"), at: now).made.count == 1)
        _ = book.notMade(name("a"), failure, at: now)
        #expect(book.take(waiter("a"), at: now + .milliseconds(249)).failed.count == 1)
        #expect(book.take(waiter("a"), at: now + .milliseconds(250)).made.count == 1)
        #expect(book.take(waiter("a"), at: now + .milliseconds(251)).made.isEmpty)
        #expect(book.notMade(name("a"), failure, at: now + .milliseconds(300)).failed.count == 2)
        #expect(book.take(waiter("a"), at: now + .milliseconds(799)).failed.count == 1)
        #expect(book.take(waiter("a"), at: now + .milliseconds(800)).made.count == 1)
        // Others are none of it.
        #expect(book.take(waiter("b"), at: now).made.count == 1)
    }

    @Test("A line that is free goes to who waits, else it is kept, and one more is made ahead while a pod is in use")
    func free() {
        var book = LineBook()
        _ = book.take(waiter("a"), at: now)
        let first = line("a")
        let work = book.made(first)
        #expect(work.given.map(\.hasWaited) == [false] && work.given.first?.line === first)
        #expect(work.made == [name("a")], "a spare")
        let spare = line("a")
        #expect(book.made(spare).given.isEmpty)
        #expect(book.free(first).given.isEmpty)
        let next = book.take(waiter("a"), at: now)
        #expect(next.given.first?.line === first && next.given.first?.hasWaited == true, "the one that was used last")
        #expect(next.made.isEmpty, "there is still one to spare")
        #expect(book.take(waiter("b"), at: now).given.isEmpty, "lines are for one pod")
    }

    @Test("By channels lines are for one port each: none is made ahead, and one that nobody waits for is closed")
    func oneport() {
        var book = LineBook(isByPort: true)
        func waiter(_ port: UInt16) -> LineWaiter {
            LineWaiter(pod: PodPort(namespace: "shop", pod: "a", port: port), deliver: { _ in })
        }
        func line(_ key: LineKey) -> PodLine {
            PodLine(
                key, .channels, on: loop, pinging: Pinging(),
                PodLine.Listener(isFree: { _ in }, hasEnded: { _ in }), cut: {})
        }
        let keys = [80, 81].flatMap { book.take(waiter($0), at: now).made }
        #expect(keys.map(\.port) == [80, 81])
        let lines = keys.map(line)
        let work = book.made(lines[1])
        #expect(work.given.map(\.waiter.pod.port) == [81] && work.made.isEmpty, "no spare")
        let extra = book.made(line(keys[1]))
        #expect(extra.closed.count == 1 && extra.given.isEmpty)
        #expect(book.take(waiter(81), at: now).made == [keys[1]], "nothing was kept")
        #expect(book.made(lines[0]).given.map(\.waiter.pod.port) == [80])
    }

    @Test("One that was dead takes those that waited with it with it")
    func dead() {
        var book = LineBook()
        let lines = (0..<3).map { _ in line("a") }
        for line in lines {
            _ = book.take(waiter("a"), at: now)
            _ = book.made(line)
        }
        for line in lines { _ = book.free(line) }
        let closed = book.dropFree(of: name("a")).closed
        #expect(closed.count == 3)
        #expect(book.take(waiter("a"), at: now).given.isEmpty)
    }

    @Test("Of all pods together no more than so many wait, and one that nobody takes is closed in time")
    func limits() {
        var book = LineBook()
        var closed = 0
        for index in 0..<LineBook.mostFreeOfAll + 10 {
            let line = line("pod-\(index)")
            closed += book.made(line).closed.count
        }
        #expect(closed == 10)
        let last = line("late")
        _ = book.take(waiter("late"), at: now)
        _ = book.made(last)
        let lap = book.lap(of: last)
        #expect(book.expire(last, lap: lap ?? -1).closed.isEmpty, "it is in use")
    }

    @Test("At the end nobody is left waiting")
    func shutDown() {
        var book = LineBook()
        _ = book.take(waiter("a"), at: now)
        _ = book.take(waiter("a"), at: now)
        #expect(book.shutDown().waiters.count == 2)
        #expect(book.take(waiter("a"), at: now).failed.count == 1)
        let late = line("a")
        #expect(book.made(late).closed.count == 1, "what is made later is closed")
    }
}
