/// A result that arrives once, awaited by any number of tasks without blocking a thread of the cooperative pool.
public final class Completion<Value: Sendable>: Sendable {
    private enum State {
        case pending([CheckedContinuation<Value, Never>])
        case done(Value)
    }
    private let state = Locked<State>(.pending([]))

    public init() {}

    public var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let ready: Value? = state.withLock { state in
                    switch state {
                    case .pending(let waiting):
                        state = .pending(waiting + [continuation])
                        return nil
                    case .done(let value):
                        return value
                    }
                }
                if let ready { continuation.resume(returning: ready) }
            }
        }
    }

    /// Only the first call has an effect. It may come from any thread, see ``Waker``.
    public func finish(_ value: Value) {
        let waiting: [CheckedContinuation<Value, Never>] = state.withLock { state in
            guard case .pending(let waiting) = state else { return [] }
            state = .done(value)
            return waiting
        }
        Waker.shared.perform {
            for continuation in waiting { continuation.resume(returning: value) }
        }
    }
}
