internal import EventLoop

/// The pipes of one worker, lent to directions for as long as bytes are in them.
///
/// Few pipes serve many streams, since a splice in and a splice out usually follow each other at once. That matters,
/// because an ordinary user may have only 256 pipes of this size (`pipe-user-pages-soft`); beyond it the kernel hands
/// out tiny ones, which are slower than copying.
struct PipePool: ~Copyable {
    typealias Slot = UInt16

    /// Whom a pipe is lent to: one direction of a connection, which gives it back before it ends.
    struct Holder {
        let connection: UnsafeMutablePointer<Connection>
        let isUp: Bool

        init(_ connection: UnsafeMutablePointer<Connection>, isUp: Bool) {
            self.connection = connection
            self.isUp = isUp
        }
    }

    /// The measured optimum: 64 KiB throws the gain away, 1 MiB only pins kernel memory.
    static let pipeCapacity = 256 * 1024
    /// A pipe that the kernel cut below this is not worth having.
    private static let leastCapacity = 128 * 1024
    /// After a refusal, do not ask again for this long (milliseconds).
    private static let retry: UInt64 = 1000
    /// A stream that has not moved for this long, in milliseconds, does without its pipe if another one wants it.
    static let patience: UInt64 = 1000

    private let pipes: UnsafeMutablePointer<Pipe?>
    private let limit: Int
    private let ceiling: Int
    private var made = 0
    private var free: [Slot] = []
    /// Slots whose pipe was thrown away.
    private var vacant: [Slot] = []
    private var refusedUntil: UInt64 = 0
    private var leases: Leases

    /// - Parameters:
    ///   - limit: pipes at most, 0…65534.
    ///   - ceiling: descriptors of this number and above are not taken.
    init(limit: Int, ceiling: Int = .max) {
        self.limit = limit
        self.ceiling = ceiling
        pipes = .allocate(capacity: limit)
        for slot in 0..<limit { (pipes + slot).initialize(to: nil) }
        free.reserveCapacity(limit)
        leases = Leases(limit)
    }

    deinit {
        pipes.deinitialize(count: limit)
        pipes.deallocate()
    }

    /// Pipes that exist, lent or not.
    var count: Int { made - vacant.count }
    /// Pipes that hold bytes now.
    var lent: Int { count - free.count }

    /// What there is to share out: what the kernel refuses is not there.
    func supply(at now: UInt64) -> Supply {
        Supply(capacity: now < refusedUntil ? count : limit, used: lent)
    }

    /// An empty pipe, or nil if there is none to be had at the moment.
    mutating func take(for holder: Holder, at now: UInt64) -> Slot? {
        guard let slot = free.popLast() ?? make(at: now) else { return nil }
        leases.add(slot, holder, at: now)
        return slot
    }

    private mutating func make(at now: UInt64) -> Slot? {
        guard now >= refusedUntil, vacant.last != nil || made < limit else { return nil }
        guard let pipe = try? Pipe(capacity: Self.pipeCapacity), pipe.capacity >= Self.leastCapacity,
            max(pipe.readEnd.raw, pipe.writeEnd.raw) < ceiling
        else {
            refusedUntil = now + Self.retry
            return nil
        }
        let slot: Slot
        if let reused = vacant.popLast() {
            slot = reused
        } else {
            slot = Slot(made)
            made += 1
        }
        pipes[Int(slot)] = consume pipe
        return slot
    }

    /// Takes back a pipe, which must be empty.
    mutating func giveBack(_ slot: Slot) {
        leases.remove(slot)
        free.append(slot)
    }

    /// Closes a pipe that may still hold bytes: the next stream must never find them.
    mutating func discard(_ slot: Slot) {
        leases.remove(slot)
        pipes[Int(slot)] = nil
        vacant.append(slot)
    }

    /// Who has a pipe and has not moved anything through it for longest, if that is long enough.
    func stalled(at now: UInt64) -> Holder? {
        guard let (holder, moved) = leases.oldest, moved + Self.patience <= now else { return nil }
        return holder
    }

    /// Splices from `source` into the empty pipe `slot`.
    @inline(__always)
    mutating func fill(_ slot: Slot, from source: borrowing Descriptor, at now: UInt64) -> Transfer {
        let transfer = pipes[Int(slot)]?.fill(from: source, count: Self.pipeCapacity) ?? .wouldBlock
        leases.moved(slot, at: now)
        return transfer
    }

    /// Splices up to `count` bytes out of the pipe `slot` to `sink`.
    @inline(__always)
    mutating func drain(_ slot: Slot, to sink: borrowing Descriptor, count: Int32, at now: UInt64) -> Transfer {
        let transfer = pipes[Int(slot)]?.drain(to: sink, count: Int(count)) ?? .wouldBlock
        if case .moved = transfer { leases.moved(slot, at: now) }
        return transfer
    }

    /// Takes up to `buffer.count` bytes out of the pipe `slot`.
    func unload(_ slot: Slot, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        pipes[Int(slot)]?.read(into: buffer) ?? .wouldBlock
    }
}

/// Who has which pipe, in the order in which they last moved something.
private struct Leases {
    private struct Lease {
        var holder: PipePool.Holder?
        var moved: UInt64 = 0
    }

    /// By slot.
    private var leases: [Lease]
    private var order = LinkedLists()
    private var lent = LinkedLists.List()

    init(_ count: Int) {
        leases = Array(repeating: Lease(), count: count)
    }

    var oldest: (holder: PipePool.Holder, moved: UInt64)? {
        guard lent.first >= 0 else { return nil }
        let lease = leases[Int(lent.first)]
        return lease.holder.map { ($0, lease.moved) }
    }

    mutating func add(_ slot: PipePool.Slot, _ holder: PipePool.Holder, at now: UInt64) {
        leases[Int(slot)] = Lease(holder: holder, moved: now)
        order.append(LinkedLists.Entry(slot), to: &lent)
    }

    mutating func remove(_ slot: PipePool.Slot) {
        leases[Int(slot)].holder = nil
        order.remove(LinkedLists.Entry(slot), from: &lent)
    }

    @inline(__always)
    mutating func moved(_ slot: PipePool.Slot, at now: UInt64) {
        leases[Int(slot)].moved = now
        // Most are the last already, since a splice out follows a splice in.
        guard lent.last != LinkedLists.Entry(slot) else { return }
        order.remove(LinkedLists.Entry(slot), from: &lent)
        order.append(LinkedLists.Entry(slot), to: &lent)
    }
}
