internal import Base

/// Tells any number of readers what happens, and waits for none: events that nobody has taken yet wait in a room of so
/// many, and of more the oldest are left out and counted. Any thread.
public final class Broadcast<Event: Sendable>: Sendable {
    public enum Item: Sendable {
        case event(Event)
        /// So many are missing here.
        case missed(Int)
    }

    private struct Readers {
        var queues: [Int: EventQueue<Event>] = [:]
        var last = 0
        var isFinished = false
    }

    private let readers = Guarded(Readers())

    public init() {}

    public func send(_ event: Event) {
        readers.withLock { readers in
            for queue in readers.queues.values { queue.add(event) }
        }
    }

    /// There are no more. Readers end when they have taken what waits for them.
    public func finish() {
        readers.withLock { readers in
            readers.isFinished = true
            for queue in readers.queues.values { queue.finish() }
            readers.queues = [:]
        }
    }

    /// A reader of every event from now on, until it goes. For one task.
    ///
    /// - Parameter room: how many events may wait.
    public func reader(room: Int) -> Reader {
        readers.withLock { readers in
            let queue = EventQueue<Event>(room: room)
            guard !readers.isFinished else {
                queue.finish()
                return Reader(queue) {}
            }
            readers.last += 1
            let number = readers.last
            readers.queues[number] = queue
            return Reader(queue) { [weak self] in
                self?.readers.withLock { _ = $0.queues.removeValue(forKey: number) }
            }
        }
    }

    public final class Reader: AsyncSequence, Sendable {
        private let queue: EventQueue<Event>
        private let leave: @Sendable () -> Void

        init(_ queue: EventQueue<Event>, leave: @escaping @Sendable () -> Void) {
            self.queue = queue
            self.leave = leave
        }

        deinit { leave() }

        public func makeAsyncIterator() -> Iterator { Iterator(reader: self, wakes: queue.wakes.makeAsyncIterator()) }

        public struct Iterator: AsyncIteratorProtocol {
            /// Held, since events come for as long as it is there.
            let reader: Reader
            var wakes: AsyncStream<Void>.Iterator

            /// The next event, or how many are missing before it; nil when there are no more, or the task is cancelled.
            public mutating func next() async -> Item? {
                while true {
                    if let item = reader.queue.take() { return item }
                    // What came last has been taken, unless it came between the two.
                    if await wakes.next() == nil { return reader.queue.take() }
                }
            }
        }
    }
}
