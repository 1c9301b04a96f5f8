internal import Base

/// Nothing came for as long as somebody was ready to wait.
struct Silence: Error {
    let patience: Duration
}

/// Ends what takes longer than somebody is ready to wait: first the wait for an answer, then that for each of its
/// pieces.
///
/// One task sleeps for all of them. A sleep that is cancelled leaves something in Swift's runtime until its time has
/// come, so those of the pieces of a watch would pile up.
final class Watchdog: Sendable {
    private struct State: Sendable {
        /// Since when somebody waits; nil while nobody does.
        var since: Duration?
        /// Ends what is waited for.
        var end: (@Sendable () -> Void)?
        var hasBarked = false
        var task: Task<Void, Never>?
    }

    private let patience: Duration?
    private let time: Timekeeper
    private let state = Guarded(State())

    /// - Parameter patience: nil waits for as long as it takes.
    init(_ patience: Duration?, _ clock: any Clock<Duration>) {
        self.patience = patience
        time = Timekeeper(clock)
    }

    deinit { state.withLock { $0.task }?.cancel() }

    /// Does one thing at a time.
    ///
    /// - Throws: ``Silence`` if it took too long, else what `work` throws.
    func watch<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
        guard let patience else { return try await work() }
        begin(patience)
        let task = Task(operation: work)
        let isLate = state.withLock { state in
            state.end = { task.cancel() }
            return state.hasBarked
        }
        if isLate { task.cancel() }
        defer { state.withLock { ($0.since, $0.end) = (nil, nil) } }
        do {
            let result = try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
            // What came at the last moment came.
            state.withLock { if $0.hasBarked { ($0.hasBarked, $0.task) = (false, nil) } }
            return result
        } catch {
            throw state.withLock { $0.hasBarked } ? Silence(patience: patience) : error
        }
    }

    private func begin(_ patience: Duration) {
        state.withLock { state in
            state.since = time.now()
            guard state.task == nil else { return }
            // It holds what it needs and not the watchdog, with which it ends.
            state.task = Task { [time, state = self.state] in
                var left = patience
                while left > .zero {
                    guard (try? await time.sleep(left)) != nil else { return }
                    left = Self.left(state, patience, time.now())
                }
            }
        }
    }

    /// How long there is nothing to be done. If it is time, ends what is waited for.
    private static func left(_ state: Guarded<State>, _ patience: Duration, _ now: Duration) -> Duration {
        let (left, end) = state.withLock { state in
            guard let since = state.since else { return (patience, nil as (@Sendable () -> Void)?) }
            let left = since + patience - now
            state.hasBarked = left <= .zero
            return (left, state.hasBarked ? state.end : nil)
        }
        end?()
        return left
    }
}
