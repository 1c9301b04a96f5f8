import Testing

@testable import EventLoop

@Suite struct RunQueueTests {
    /// All that may run in one turn.
    private func turn(_ queue: inout RunQueue) -> [EventLoop.Token] {
        var ran: [EventLoop.Token] = []
        queue.beginTurn()
        while let token = queue.next() { ran.append(token) }
        return ran
    }

    @Test("Who waits already is not queued a second time; who has run may wait again")
    func onceAtATime() {
        var queue = RunQueue()
        for token: EventLoop.Token in [1, 2, 1, 1, 2] { queue.add(token) }
        #expect(turn(&queue) == [1, 2])
        #expect(queue.isEmpty)
        queue.add(1)
        #expect(turn(&queue) == [1])
    }

    @Test("What is queued during a turn runs in the next one, even by itself")
    func nextTurn() {
        var queue = RunQueue()
        queue.add(1)
        queue.beginTurn()
        #expect(queue.next() == 1)
        queue.add(1)
        queue.add(2)
        #expect(queue.next() == nil)
        #expect(!queue.isEmpty)
        #expect(turn(&queue) == [1, 2])
    }

    @Test("A turn that is cut short leaves the rest in its order, before what came later")
    func theRestComesFirst() {
        var queue = RunQueue()
        for token: EventLoop.Token in 1...4 { queue.add(token) }
        queue.beginTurn()
        #expect(queue.next() == 1)
        queue.add(1)
        queue.add(5)
        queue.add(3)
        #expect(turn(&queue) == [2, 3, 4, 1, 5])
    }

    @Test("However it is used, everybody has a turn before anybody has two")
    func roundRobin() {
        var queue = RunQueue()
        for token: EventLoop.Token in 0..<100 { queue.add(token) }
        var runs = [Int](repeating: 0, count: 100)
        for number in 0..<1000 {
            queue.beginTurn()
            for _ in 0...(number % 7) {
                guard let token = queue.next() else { break }
                runs[Int(token)] += 1
                queue.add(token)
            }
            #expect((runs.max() ?? 0) - (runs.min() ?? 0) <= 1)
        }
    }
}
