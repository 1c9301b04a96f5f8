internal import Base

/// Takes turns: what was asked for first is done to its end before the next begins. For actors, which are open to others while they
/// wait.
final class Turns: Sendable {
    private let last = Guarded<Task<Void, Never>?>(nil)

    func take<Result: Sendable>(_ turn: @escaping @Sendable () async -> Result) async -> Result {
        let task = last.withLock { last in
            let previous = last
            let task = Task {
                await previous?.value
                return await turn()
            }
            last = Task { _ = await task.value }
            return task
        }
        return await task.value
    }
}
