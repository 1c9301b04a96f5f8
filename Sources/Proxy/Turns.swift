internal import Base

/// Takes turns: what was asked for first is done to its end before the next begins. For actors, which are open to
/// others while they wait.
final class Turns: Sendable {
    private struct State {
        var isTaken = false
        /// Those who wait, the next one first.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Guarded(State())

    /// - Parameter turn: must not ask for another turn, which would never come.
    func take<Result>(
        isolation: isolated (any Actor)? = #isolation, _ turn: () async -> sending Result
    ) async -> sending Result {
        await begin()
        defer { end() }
        return await turn()
    }

    private func begin(isolation: isolated (any Actor)? = #isolation) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                defer { state.isTaken = true }
                if state.isTaken { state.waiting.append(continuation) }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    /// The turn goes to the next one, and is free only if there is none.
    private func end() {
        let next = state.withLock { state in
            state.isTaken = !state.waiting.isEmpty
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
        next?.resume()
    }
}
