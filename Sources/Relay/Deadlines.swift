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

    /// A connection is in one list at a time, or in none.
    private struct Link {
        var previous: UInt32
        var next: UInt32
        var list: Int8
        /// Milliseconds of the loop's time.
        var due: UInt64
    }

    private struct List {
        let span: UInt64
        var first = Deadlines.none
        var last = Deadlines.none
    }

    private static let none = UInt32.max

    private var lists: [List]
    /// By the connection's index in the slab.
    private var links: [Link] = []
    /// Connections that wait as half-open.
    private(set) var halfOpenCount = 0

    /// - Parameters: milliseconds for each dial attempt, for half-open connections, until a connection is settled, and
    ///   between two looks at what is left to deliver.
    init(dials: [UInt64], halfOpen: UInt64, youth: UInt64, delivery: UInt64) {
        lists = (dials + [delivery, halfOpen, youth, min(youth, halfOpen)]).map { List(span: $0) }
    }

    private var halfOpenList: Int { lists.count - 3 }
    private var youngList: Int { lists.count - 2 }
    private var youngHalfOpenList: Int { lists.count - 1 }
    private var deliveryList: Int { lists.count - 4 }

    func isSet(_ index: UInt32) -> Bool {
        index < links.count && links[Int(index)].list >= 0
    }

    func isHalfOpen(_ index: UInt32) -> Bool {
        index < links.count && countsAsHalfOpen(Int(links[Int(index)].list))
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
        while links.count <= index { links.append(Link(previous: Self.none, next: Self.none, list: -1, due: 0)) }
        let due = now + lists[list].span
        let last = lists[list].last
        links[Int(index)] = Link(previous: last, next: Self.none, list: Int8(list), due: due)
        if last == Self.none { lists[list].first = index } else { links[Int(last)].next = index }
        lists[list].last = index
        return due
    }

    mutating func cancel(_ index: UInt32) {
        guard isSet(index) else { return }
        let link = links[Int(index)]
        let list = Int(link.list)
        if countsAsHalfOpen(list) { halfOpenCount -= 1 }
        if link.previous == Self.none {
            lists[list].first = link.next
        } else {
            links[Int(link.previous)].next = link.next
        }
        if link.next == Self.none {
            lists[list].last = link.previous
        } else {
            links[Int(link.next)].previous = link.previous
        }
        links[Int(index)].list = -1
    }

    /// When the first of all waits ends; nil if there is none.
    var earliest: UInt64? {
        lists.lazy.compactMap { $0.first == Self.none ? nil : links[Int($0.first)].due }.min()
    }

    /// Takes out a connection whose wait is over.
    mutating func popDue(at now: UInt64) -> (index: UInt32, kind: Kind)? {
        for (number, list) in lists.enumerated() where list.first != Self.none && links[Int(list.first)].due <= now {
            cancel(list.first)
            return (list.first, kind(of: number))
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
