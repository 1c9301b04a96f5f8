internal import Base
internal import EventLoop
internal import Glibc

/// How accepting stands where something has run out. Clients wait in the kernel's queue meanwhile: most get their turn
/// as soon as others leave, and nobody is turned away before that was given a chance.
struct AcceptPressure: ~Copyable {
    /// How long to wait before asking the kernel again, in milliseconds; a listener that goes on to fail waits twice as
    /// long each time, up to the longest.
    static let pause: UInt64 = 50
    static let longestPause: UInt64 = 5000
    /// The kernel may refuse for this long, in milliseconds, before waiting clients are reset instead: an answer at
    /// last.
    static let patience: UInt64 = 1000

    /// Listeners whose service ports have their share of something, in the order of their turns.
    var turns = Turns()
    /// Listeners that are tried again at a time, in milliseconds of the loop's.
    var later: [(listener: UInt32, due: UInt64)] = []
    /// Room has appeared since all of those that wait for their turn were looked at.
    var hasNews = false
    /// Since when the kernel has been refusing; nil if it does not.
    var refusedSince: UInt64?

    /// Descriptors that can be let go to make room for others: one for the dial of the client that took the last one, so
    /// nobody is accepted while it is missing; the other for turning clients away, who would wait for ever if the first were
    /// all there is, and in use by a connection that does not end.
    private var forDial = Descriptor.none
    private var forRefusal = Descriptor.none
    /// Numbers from here on are left to the rest of the process, parts of which do not survive the lack: Dispatch opens a
    /// file each second to see what its threads do, and traps if it cannot. The kernel gives the lowest number that is
    /// free, so a descriptor of this number means that so many are open, whoever has them.
    private(set) var ceiling: Int
    private var isAtCeiling = false
    /// The ceiling under the limit of the start. That may be lowered since, by anybody who may (prlimit).
    private let highestCeiling: Int
    private var lookedAtLimit: UInt64?
    /// How long to go by what the limit was, in milliseconds.
    private static let limitHolds: UInt64 = 1000

    init(ceiling: Int) {
        self.ceiling = ceiling
        highestCeiling = ceiling
        restore()
    }

    /// Looks at the limit of the process, if that was not done a short time ago.
    @inline(__always)
    mutating func followLimit(now: UInt64) {
        if let lookedAtLimit, now - lookedAtLimit < Self.limitHolds { return }
        lookAtLimit(now)
    }

    private mutating func lookAtLimit(_ now: UInt64) {
        lookedAtLimit = now
        guard highestCeiling != .max else { return }
        ceiling = min(highestCeiling, DescriptorBudget(limit: ResourceLimits.descriptorLimit).ceiling)
    }

    /// Whether there are descriptors for one more client and its endpoint, as far as can be told beforehand.
    @inline(__always)
    mutating func hasDescriptors() -> Bool {
        (forDial.isOpen && !isAtCeiling) || looksAnew()
    }

    private mutating func looksAnew() -> Bool {
        if !forRefusal.isOpen { forRefusal = Self.openAny() }
        // The number of another one tells whether there is room.
        let another = Self.openAny()
        guard another.isOpen else { return false }
        isAtCeiling = isAtCeiling && another.raw >= ceiling
        if !forDial.isOpen { forDial = another }
        return !isAtCeiling
    }

    /// The kernel gave a client this descriptor.
    @inline(__always)
    mutating func accepted(_ raw: Int32) {
        refusedSince = nil
        if raw >= ceiling { isAtCeiling = true }
    }

    /// Makes room for a dial; false if that has been done already.
    mutating func lendForDial() -> Bool {
        defer { forDial = .none }
        return forDial.isOpen
    }

    /// Makes room for a client that is to be turned away.
    mutating func lendForRefusal() {
        // Somebody else in the process may have taken the first one's place before the client could.
        if forRefusal.isOpen { forRefusal = .none } else { forDial = .none }
    }

    mutating func restore() {
        if !forRefusal.isOpen { forRefusal = Self.openAny() }
        if !forDial.isOpen { forDial = Self.openAny() }
    }

    private static func openAny() -> Descriptor {
        Descriptor(owning: open("/dev/null", O_RDONLY | O_CLOEXEC))
    }
}

/// Who waits for a turn, in the order of arrival.
struct Turns {
    private var items: [UInt32] = []
    private var first = 0

    var isEmpty: Bool { first == items.count }
    var count: Int { items.count - first }

    mutating func append(_ item: UInt32) { items.append(item) }

    mutating func next() -> UInt32? {
        guard !isEmpty else { return nil }
        defer {
            first += 1
            // What was taken is let go of when it is half of all: in constant time for each, over all.
            if first * 2 >= items.count {
                items.removeFirst(first)
                first = 0
            }
        }
        return items[first]
    }
}
