import Base
import EventLoop
import Glibc

/// The signals of a session, heard from its beginning, since the first process of a container dies of no signal that it
/// does not hear, and to its end: a second signal cuts the drain short.
final class HeardSignals: Sendable {
    /// A signal has asked for an end before anything was served.
    struct EndedEarly: Error {
        let signal: Int32
    }

    private struct State {
        /// A reload has been passed on and is not dealt with yet.
        var reloadWaits = false
        /// The first that asked for an end.
        var end: Int32?
        /// Leaves the work of the beginning behind.
        var leave: (@Sendable (EndedEarly) -> Void)?
    }

    private let stream: SignalStream
    private let meaning: @Sendable (Int32) -> SessionSignal
    private let state = Guarded(State())

    init(_ numbers: [Int32], meaning: @escaping @Sendable (Int32) -> SessionSignal) throws {
        self.meaning = meaning
        stream = try SignalStream(numbers)
    }

    /// Passes on what each asks for, until ``close()`` or until the task is cancelled. However many ask for a reload
    /// before it is dealt with, they ask for the same, and none may hold up an end.
    func hear(_ pass: (SessionSignal) -> Void) async {
        for await number in stream.signals {
            let signal = meaning(number)
            if isNews(signal) { pass(signal) }
        }
    }

    /// What was asked for is being done: what asks from now on, asks again.
    func deal(with signal: SessionSignal) {
        if signal == .reload { state.withLock { $0.reloadWaits = false } }
    }

    /// Does what may take long before anything is served. A signal to end leaves it behind, cancelled: whoever hangs in
    /// it, as before a folder or a process that does not answer, must not keep this one.
    ///
    /// - Throws: what `work` throws, and ``EndedEarly``.
    func unlessEnded<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
        let (results, result) = AsyncThrowingStream.makeStream(of: Result.self)
        let task = Task {
            do { result.yield(try await work()) } catch { result.finish(throwing: error) }
        }
        let leave: @Sendable (EndedEarly) -> Void = { early in
            result.finish(throwing: early)
            task.cancel()
        }
        let before = state.withLock { state in
            state.leave = leave
            return state.end
        }
        if let before { leave(EndedEarly(signal: before)) }
        defer { state.withLock { $0.leave = nil } }
        for try await value in results { return value }
        throw CancellationError()
    }

    /// Gives the signals back to their default action.
    func close() { stream.close() }

    private func isNews(_ signal: SessionSignal) -> Bool {
        var leave: (() -> Void)?
        let isNews = state.withLock { state in
            switch signal {
            case .reload:
                defer { state.reloadWaits = true }
                return !state.reloadWaits
            case .end(let number):
                state.end = state.end ?? number
                if let leaves = state.leave { leave = { leaves(EndedEarly(signal: number)) } }
                return true
            }
        }
        leave?()
        return isNews
    }
}
