internal import EventLoop

/// Who talks to whom: a client's address, and the listener and address that it sent to. Two clients behind one IP
/// address are two flows, and so is one client that uses two addresses of the service.
struct FlowKey: Equatable {
    let client: SocketAddress
    let listener: UInt32
    /// The local address that the client used, where the listener is bound to the wildcard.
    let destination: SocketAddress?
}

extension FlowKey: Hashable {
    // As few bytes as will do, since this runs for every datagram; but all that clients can choose goes through the
    // hasher, whose seed they do not know. Folded before that, it would be theirs to choose which flows have the same
    // hash.
    func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(listener) << 16 | UInt64(client.port))
        client.hashIP(into: &hasher)
        destination?.hashIP(into: &hasher)
    }
}

extension SocketAddress {
    fileprivate func hashIP(into hasher: inout Hasher) {
        guard isIPv6 else { return hasher.combine(UInt32(truncatingIfNeeded: low)) }
        hasher.combine(high)
        hasher.combine(low)
    }
}

/// How long a flow may be silent, in milliseconds. No single value suits everybody (kube-proxy tried 60 s, 10 s and 250
/// ms), so it follows what the flow has done so far.
struct FlowTimeouts: Equatable {
    /// Before the first reply: slow resolvers take seconds.
    var waiting: UInt64 = 10_000
    /// After one datagram each way, which is all there is to most exchanges.
    var oneShot: UInt64 = 2000
    /// Anything that goes on.
    var stream: UInt64 = 60_000

    init() {}

    /// The same for all: `--udp-timeout`.
    init(fixed: UInt64) {
        waiting = fixed
        oneShot = fixed
        stream = fixed
    }
}

/// The flows of one service port in one worker: found by key, and ordered by what they have done and when they were
/// last used. Knows no sockets; every operation takes constant time, and only a new flow may allocate.
struct FlowTable {
    typealias Entry = LinkedLists.Entry

    private enum Stage: Int {
        case waiting
        case oneShot
        case stream
    }

    private struct Record {
        var key: FlowKey
        var flow: Slab<Flow>.ID
        var stage: Stage
        var lastActive: UInt64
        var sent: UInt32 = 0
        var received: UInt32 = 0
        /// The last datagram that passed was the client's.
        var clientSpokeLast = false
    }

    private let timeouts: FlowTimeouts
    private var index: [FlowKey: Entry] = [:]
    private var records: [Record] = []
    private var free: [Entry] = []
    /// By stage, least recently used first: flows of one stage have one timeout, so the head expires first.
    private var orders = FlowTable.noOrders
    /// Shared by all tables without flows: those of TCP service ports remain so, and there may be ten thousand of them.
    private static let noOrders = [LinkedLists.List(), LinkedLists.List(), LinkedLists.List()]
    private var inOrder = LinkedLists()
    /// The waiting ones once more, by who sent them.
    private var waiting = WaitingSources()

    init(timeouts: FlowTimeouts) {
        self.timeouts = timeouts
    }

    var count: Int { index.count }

    /// All flows, in no order.
    var all: [Slab<Flow>.ID] { index.values.map { records[Int($0)].flow } }

    @inline(__always)
    func find(_ key: FlowKey) -> Entry? { index[key] }

    @inline(__always)
    func flow(_ entry: Entry) -> Slab<Flow>.ID { records[Int(entry)].flow }

    /// Adds a flow that is not there yet.
    mutating func insert(_ key: FlowKey, _ flow: Slab<Flow>.ID, now: UInt64) -> Entry {
        let record = Record(key: key, flow: flow, stage: .waiting, lastActive: now)
        let entry: Entry
        if let reused = free.popLast() {
            entry = reused
            records[Int(entry)] = record
        } else {
            entry = Entry(records.count)
            records.append(record)
        }
        index[key] = entry
        inOrder.append(entry, to: &orders[Stage.waiting.rawValue])
        waiting.add(entry, from: key.client)
        return entry
    }

    mutating func remove(_ entry: Entry) {
        let stage = records[Int(entry)].stage
        inOrder.remove(entry, from: &orders[stage.rawValue])
        if stage == .waiting { waiting.remove(entry) }
        index[records[Int(entry)].key] = nil
        free.append(entry)
    }

    /// Datagrams passed: `sent` to the endpoint, `received` from it.
    @inline(__always)
    mutating func used(_ entry: Entry, sent: Int = 0, received: Int = 0, now: UInt64) {
        let slot = Int(entry)
        records[slot].sent = records[slot].sent &+ UInt32(truncatingIfNeeded: sent)
        records[slot].received = records[slot].received &+ UInt32(truncatingIfNeeded: received)
        records[slot].clientSpokeLast = received == 0
        let stage: Stage =
            records[slot].received == 0
            ? .waiting : records[slot].sent <= 1 && records[slot].received <= 1 ? .oneShot : .stream
        let stays = stage == records[slot].stage
        // Most datagrams find their flow as the last one used, at the end of its order already.
        if stays, orders[stage.rawValue].last == entry {
            records[slot].lastActive = now
            return
        }
        let before = records[slot].stage
        records[slot].stage = stage
        records[slot].lastActive = now
        inOrder.remove(entry, from: &orders[before.rawValue])
        inOrder.append(entry, to: &orders[stage.rawValue])
        if before == .waiting { if stays { waiting.renew(entry) } else { waiting.remove(entry) } }
    }

    /// Nothing has passed yet.
    func isUnused(_ entry: Entry) -> Bool { records[Int(entry)].sent == 0 }

    /// Replies that the flow has had.
    func replies(_ entry: Entry) -> Int { Int(records[Int(entry)].received) }

    /// In exchanges of so many questions each is taken to have one answer; longer ones need not be balanced.
    private static let mostCounted: UInt32 = 16

    /// Whether the client still waits for something, as far as can be told from outside: it has asked more often than
    /// it was answered, or in a long exchange spoke last, and that is not so long ago that nobody would wait for a
    /// first answer.
    func isOwed(_ entry: Entry, at now: UInt64) -> Bool {
        let record = records[Int(entry)]
        guard record.lastActive + timeouts.waiting > now else { return false }
        return record.sent > Self.mostCounted ? record.clientSpokeLast : record.received < record.sent
    }

    /// A flow that was silent for too long, if there is one. It stays until it is removed.
    func expired(at now: UInt64) -> Slab<Flow>.ID? {
        for stage in [Stage.waiting, .oneShot, .stream] {
            let first = orders[stage.rawValue].first
            if first >= 0, records[Int(first)].lastActive + span(of: stage) <= now {
                return records[Int(first)].flow
            }
        }
        return nil
    }

    private func span(of stage: Stage) -> UInt64 {
        switch stage {
        case .waiting: timeouts.waiting
        case .oneShot: timeouts.oneShot
        case .stream: timeouts.stream
        }
    }

    /// The flow to give way to a new one of `client` where there is room for `room` flows.
    ///
    /// A flood from forged addresses gets no replies, so flows without one give way first, as long as they have more
    /// than an eighth of the room: that much they need, or under an honest load each new question would cost another
    /// its answer. A source that has more than that itself loses its own. Otherwise an exchange that is over gives way
    /// before one that goes on. Of each kind it is the one that was silent for longest.
    func leastWorth(toAdmit client: SocketAddress, room: Int) -> Slab<Flow>.ID? {
        let share = max(1, room / 8)
        let entry: Entry
        if orders[Stage.waiting.rawValue].count >= share {
            let own = waiting.flows(from: client)
            entry = own.count >= share ? own.first : orders[Stage.waiting.rawValue].first
        } else {
            let order = [Stage.oneShot, .stream, .waiting].lazy.map { self.orders[$0.rawValue] }.first { $0.count > 0 }
            guard let order else { return nil }
            entry = order.first
        }
        return records[Int(entry)].flow
    }
}
