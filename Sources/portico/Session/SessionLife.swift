/// How far a session that serves has come, and what is to happen next: a value, so that it can be seen to be right
/// without any socket.
enum SessionLife: Equatable {
    case serving
    /// Nobody new is served, and open connections have time to end. Each further signal brings the next of `limits`,
    /// nil for one that sets none; a signal after the last ends everything.
    case draining(limits: ArraySlice<Duration?>)
    /// What was open has ended, and a signal to end is waited for.
    case staying
    /// - Parameter signal: the one that cut the drain short, if one did.
    case ended(signal: Int32?)

    enum Order: Equatable {
        /// Let open connections end within a limit, nil for none.
        case drain(within: Duration?)
        /// End what is open now.
        case endNow
    }

    /// It is to end.
    ///
    /// - Parameter limits: the first holds from now on.
    mutating func end(within limits: [Duration?]) -> Order {
        self = .draining(limits: limits.dropFirst())
        return .drain(within: limits.first ?? .zero)
    }

    /// A signal that asks for an end has come in a drain, or after it.
    mutating func hurry(_ signal: Int32) -> Order? {
        if self == .staying { self = .ended(signal: nil) }
        guard case .draining(var limits) = self else { return nil }
        guard let limit = limits.popFirst() else {
            self = .ended(signal: signal)
            return .endNow
        }
        self = .draining(limits: limits)
        return .drain(within: limit)
    }

    /// Nobody serves any more in whose favour it stays.
    mutating func isAlone() {
        if case .staying = self { self = .ended(signal: nil) }
    }

    /// What was open has ended.
    ///
    /// - Parameter stays: until a signal, if none has come in the drain: each takes one of the limits.
    mutating func drained(stays: Bool = false) {
        guard case .draining(let limits) = self else { return }
        self = stays && !limits.isEmpty ? .staying : .ended(signal: nil)
    }
}
