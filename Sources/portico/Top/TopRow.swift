import Base

/// A service port in `portico top`, with what has happened since the picture before.
struct TopRow: Sendable, Equatable {
    enum State: Int, Sendable, Comparable {
        /// It answers nowhere.
        case closed
        /// No endpoint can be used.
        case failing
        /// Some cannot.
        case partly
        /// It has no endpoints.
        case empty
        case ok

        static func < (a: State, b: State) -> Bool { a.rawValue < b.rawValue }
    }

    let port: StatusPicture.Port
    var state: State
    /// Of the time since the picture before, a second.
    var accepted = 0.0
    var bytes = 0.0
    var failures = 0.0

    var name: String { port.service }

    init(_ port: StatusPicture.Port, before: StatusPicture.Port?, seconds: Double) {
        self.port = port
        let isClosed =
            port.addresses.isEmpty && !port.listening.isEmpty && port.listening.allSatisfy { $0.address == nil }
        let (usable, all) = (port.usable, port.endpoints.count)
        state = isClosed ? .closed : all == 0 ? .empty : usable == 0 ? .failing : usable < all ? .partly : .ok
        guard let before, seconds > 0 else { return }
        let (now, then) = (port.counters, before.counters)
        // A process that has begun anew has counted less.
        func rate(_ count: (StatusPicture.Counters) -> Int) -> Double {
            Double(max(0, count(now) - count(then))) / seconds
        }
        accepted = rate(\.accepted)
        bytes = rate { $0.bytesUp + $0.bytesDown }
        failures = rate { $0.refused + $0.broken + $0.dialFailures }
    }
}

/// By what the rows of `portico top` are sorted.
enum TopOrder: String, CaseIterable, Sendable {
    case trouble, name, connections, rate, bytes

    func areInOrder(_ a: TopRow, _ b: TopRow) -> Bool {
        switch self {
        case .trouble where a.state != b.state: a.state < b.state
        case .trouble where a.failures != b.failures: a.failures > b.failures
        case .trouble where a.port.counters.open != b.port.counters.open:
            a.port.counters.open > b.port.counters.open
        case .connections where a.port.counters.open != b.port.counters.open:
            a.port.counters.open > b.port.counters.open
        case .rate where a.accepted != b.accepted: a.accepted > b.accepted
        case .bytes where a.bytes != b.bytes: a.bytes > b.bytes
        default: (a.name, a.port.family, a.port.policy) < (b.name, b.port.family, b.port.policy)
        }
    }
}
