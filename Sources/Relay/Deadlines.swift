/// What the connections of a worker wait for with a limit, and which wait ends first.
///
/// All limits are constants, one for each ``Kind``, so the waits of one kind end in the order in which they began: a
/// linked list for each kind is always sorted, and setting, cancelling and finding the earliest take constant time.
struct Deadlines {
    enum Kind: Equatable {
        /// A dial attempt, counted from 0.
        case dial(Int)
        /// One direction has ended, and nothing moves in the other.
        case halfOpen
        /// Established a moment ago: its endpoint socket has no keep-alive yet.
        case young
        /// Half-open since a moment ago, which for most is all there is to it; the same.
        case youngHalfOpen
        /// One side broke, and the other one has not got all that it sent.
        case delivery
    }

    /// A connection waits for one thing at a time, or for nothing.
    private struct Wait {
        /// Less than 0 for none.
        var list: Int8 = -1
        /// Milliseconds of the loop's time.
        var due: UInt64 = 0
    }

    /// For each list, in milliseconds.
    private let spans: [UInt64]
    private var lists: [LinkedLists.List]
    /// Their entries are the connections' indexes in the slab.
    private var order = LinkedLists()
    /// By that index.
    private var waits: [Wait] = []
    /// Connections that wait as half-open.
    private(set) var halfOpenCount = 0

    /// - Parameters: milliseconds for each dial attempt, for half-open connections, until a connection is settled, and
    ///   between two looks at what is left to deliver.
    init(dials: [UInt64], halfOpen: UInt64, youth: UInt64, delivery: UInt64) {
        spans = dials + [delivery, halfOpen, youth, min(youth, halfOpen)]
        lists = spans.map { _ in LinkedLists.List() }
    }

    private var halfOpenList: Int { lists.count - 3 }
    private var youngList: Int { lists.count - 2 }
    private var youngHalfOpenList: Int { lists.count - 1 }
    private var deliveryList: Int { lists.count - 4 }

    func isSet(_ index: UInt32) -> Bool {
        index < waits.count && waits[Int(index)].list >= 0
    }

    func isHalfOpen(_ index: UInt32) -> Bool {
        index < waits.count && countsAsHalfOpen(Int(waits[Int(index)].list))
    }

    private func countsAsHalfOpen(_ list: Int) -> Bool {
        list == halfOpenList || list == youngHalfOpenList
    }

    /// Starts the wait of connection `index`, in place of any other, and returns when it ends.
    @discardableResult
    mutating func set(_ index: UInt32, _ kind: Kind, now: UInt64) -> UInt64 {
        cancel(index)
        let list = number(of: kind)
        if countsAsHalfOpen(list) { halfOpenCount += 1 }
        while waits.count <= index { waits.append(Wait()) }
        let due = now + spans[list]
        waits[Int(index)] = Wait(list: Int8(list), due: due)
        order.append(LinkedLists.Entry(index), to: &lists[list])
        return due
    }

    mutating func cancel(_ index: UInt32) {
        guard isSet(index) else { return }
        let list = Int(waits[Int(index)].list)
        if countsAsHalfOpen(list) { halfOpenCount -= 1 }
        order.remove(LinkedLists.Entry(index), from: &lists[list])
        waits[Int(index)].list = -1
    }

    /// When the first of all waits ends; nil if there is none.
    var earliest: UInt64? {
        lists.lazy.compactMap { $0.first < 0 ? nil : waits[Int($0.first)].due }.min()
    }

    /// Takes out a connection whose wait is over.
    mutating func popDue(at now: UInt64) -> (index: UInt32, kind: Kind)? {
        for (number, list) in lists.enumerated() where list.first >= 0 && waits[Int(list.first)].due <= now {
            let index = UInt32(list.first)
            cancel(index)
            return (index, kind(of: number))
        }
        return nil
    }

    private func number(of kind: Kind) -> Int {
        switch kind {
        case .dial(let attempt): min(max(attempt, 0), deliveryList - 1)
        case .halfOpen: halfOpenList
        case .young: youngList
        case .youngHalfOpen: youngHalfOpenList
        case .delivery: deliveryList
        }
    }

    private func kind(of list: Int) -> Kind {
        switch list {
        case youngList: .young
        case youngHalfOpenList: .youngHalfOpen
        case halfOpenList: .halfOpen
        case deliveryList: .delivery
        default: .dial(list)
        }
    }
}
