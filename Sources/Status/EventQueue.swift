internal import Base

/// What waits for one reader of a ``Broadcast``: a ring of so many places, in which what is new takes the place of the
/// oldest.
final class EventQueue<Event: Sendable>: Sendable {
    private struct State {
        var places: [Event?] = []
        /// Of the oldest.
        var first = 0
        var count = 0
        var missed = 0
    }

    private let room: Int
    private let state = Guarded(State())
    /// Something waits, or nothing will any more.
    let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(room: Int) {
        precondition(room > 0, "a reader without room hears nothing")
        self.room = room
        (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ event: Event) {
        state.withLock { state in
            if state.count == room {
                state.missed += 1
                state.places[state.first] = event
                state.first = (state.first + 1) % room
            } else {
                // Places come as they are needed: most readers are as fast as what they read.
                let place = (state.first + state.count) % room
                if place == state.places.count { state.places.append(event) } else { state.places[place] = event }
                state.count += 1
            }
        }
        wake.yield()
    }

    func take() -> Broadcast<Event>.Item? {
        state.withLock { state in
            if state.missed > 0 {
                defer { state.missed = 0 }
                return .missed(state.missed)
            }
            guard state.count > 0, let event = state.places[state.first] else { return nil }
            state.places[state.first] = nil
            state.count -= 1
            state.first = state.count == 0 ? 0 : (state.first + 1) % room
            return .event(event)
        }
    }

    func finish() { wake.finish() }
}
