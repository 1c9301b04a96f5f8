internal import EventLoop

/// The pipes of one worker, lent to directions for as long as bytes are in them.
///
/// Few pipes serve many streams, since a splice in and a splice out usually follow each other at once. That matters,
/// because an ordinary user may have only 256 pipes of this size (`pipe-user-pages-soft`); beyond it the kernel hands out
/// tiny ones, which are slower than copying (FIELD, splice traps 4 to 6).
struct PipePool: ~Copyable {
    typealias Slot = UInt16

    /// The measured optimum: 64 KiB throws the gain away, 1 MiB only pins kernel memory.
    static let pipeCapacity = 256 * 1024
    /// A pipe that the kernel cut below this is not worth having.
    private static let leastCapacity = 128 * 1024
    /// After a refusal, do not ask again for this long (milliseconds).
    private static let retry: UInt64 = 1000

    private let pipes: UnsafeMutablePointer<Pipe?>
    private let limit: Int
    private var made = 0
    private var free: [Slot] = []
    /// Slots whose pipe was thrown away.
    private var vacant: [Slot] = []
    private var refusedUntil: UInt64 = 0

    /// - Parameter limit: pipes at most, 0…65535.
    init(limit: Int) {
        self.limit = limit
        pipes = .allocate(capacity: limit)
        for slot in 0..<limit { (pipes + slot).initialize(to: nil) }
        free.reserveCapacity(limit)
    }

    deinit {
        pipes.deinitialize(count: limit)
        pipes.deallocate()
    }

    /// Pipes that exist, lent or not.
    var count: Int { made - vacant.count }
    /// Pipes that hold bytes now.
    var lent: Int { count - free.count }

    /// An empty pipe, or nil if there is none to be had at the moment.
    mutating func take(at now: UInt64) -> Slot? {
        if let slot = free.popLast() { return slot }
        guard now >= refusedUntil, vacant.last != nil || made < limit else { return nil }
        guard let pipe = try? Pipe(capacity: Self.pipeCapacity), pipe.capacity >= Self.leastCapacity else {
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
        free.append(slot)
    }

    /// Closes a pipe that may still hold bytes: the next stream must never find them.
    mutating func discard(_ slot: Slot) {
        pipes[Int(slot)] = nil
        vacant.append(slot)
    }

    /// Splices from `source` into the empty pipe `slot`.
    @inline(__always)
    func fill(_ slot: Slot, from source: borrowing Descriptor) -> Transfer {
        pipes[Int(slot)]?.fill(from: source, count: Self.pipeCapacity) ?? .wouldBlock
    }

    /// Splices up to `count` bytes out of the pipe `slot` to `sink`.
    @inline(__always)
    func drain(_ slot: Slot, to sink: borrowing Descriptor, count: Int32) -> Transfer {
        pipes[Int(slot)]?.drain(to: sink, count: Int(count)) ?? .wouldBlock
    }
}
