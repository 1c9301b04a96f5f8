internal import Base

/// Which client is pinned to which endpoint, ordered by last use: one shard of an ``AffinityTable``, as a value.
///
/// All pins of a service port have one time to live, so the order of use is the order of expiry: what has expired is
/// always at the head, and so is what gives way when there is no room. Every operation but ``removeRetired()`` takes
/// constant time.
struct PinList {
    private struct Pin {
        var client: IPAddress
        var endpoint: Endpoint?
        /// Milliseconds of the clock that the callers pass in.
        var lastUsed: UInt64
        var previous: Int32
        var next: Int32
    }

    private static let none: Int32 = -1

    private let capacity: Int
    private var index: [IPAddress: Int32] = [:]
    private var pins: [Pin] = []
    private var free: [Int32] = []
    /// The pin that was unused for longest, and the one that was used last.
    private var oldest = PinList.none
    private var newest = PinList.none

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { index.count }

    /// The endpoint that `client` keeps, now used again; nil if it has none, or has one no longer.
    mutating func use(_ client: IPAddress, seconds: Int, at now: UInt64) -> Endpoint? {
        guard let entry = index[client] else { return nil }
        guard let endpoint = pins[Int(entry)].endpoint, !endpoint.isRetired,
            !Self.hasExpired(pins[Int(entry)].lastUsed, seconds: seconds, at: now)
        else { return nil }
        touch(entry, at: now)
        return endpoint
    }

    /// Pins `client` to `endpoint`, whatever it had before.
    mutating func pin(_ client: IPAddress, to endpoint: Endpoint, at now: UInt64) {
        if let entry = index[client] {
            pins[Int(entry)].endpoint = endpoint
            return touch(entry, at: now)
        }
        if index.count >= capacity { remove(oldest) }
        let pin = Pin(client: client, endpoint: endpoint, lastUsed: now, previous: Self.none, next: Self.none)
        let entry: Int32
        if let reused = free.popLast() {
            entry = reused
            pins[Int(entry)] = pin
        } else {
            entry = Int32(pins.count)
            pins.append(pin)
        }
        index[client] = entry
        append(entry)
    }

    /// Forgets the pin of `client`, if it is to `endpoint`.
    mutating func unpin(_ client: IPAddress, from endpoint: Endpoint) {
        guard let entry = index[client], pins[Int(entry)].endpoint === endpoint else { return }
        remove(entry)
    }

    /// Forgets every pin to an endpoint that has left its service port.
    mutating func removeRetired() {
        var entry = oldest
        while entry != Self.none {
            let next = pins[Int(entry)].next
            if pins[Int(entry)].endpoint?.isRetired ?? true { remove(entry) }
            entry = next
        }
    }

    /// Forgets every pin that has expired, and no other.
    mutating func removeExpired(seconds: Int, at now: UInt64) {
        while oldest != Self.none, Self.hasExpired(pins[Int(oldest)].lastUsed, seconds: seconds, at: now) {
            remove(oldest)
        }
    }

    mutating func removeAll() {
        self = PinList(capacity: capacity)
    }

    /// Whole seconds, and an age that equals the limit is too old: as kube-proxy counts.
    private static func hasExpired(_ lastUsed: UInt64, seconds: Int, at now: UInt64) -> Bool {
        // The loops of two workers read the clock at different moments: "now" may be a little before the last use.
        let age = now > lastUsed ? (now - lastUsed) / 1000 : 0
        return age >= UInt64(max(0, seconds))
    }

    // MARK: The order of use

    private mutating func touch(_ entry: Int32, at now: UInt64) {
        pins[Int(entry)].lastUsed = max(now, pins[Int(entry)].lastUsed)
        guard newest != entry else { return }
        unlink(entry)
        append(entry)
    }

    private mutating func remove(_ entry: Int32) {
        unlink(entry)
        index[pins[Int(entry)].client] = nil
        // A free place must not keep an endpoint alive.
        pins[Int(entry)].endpoint = nil
        free.append(entry)
    }

    private mutating func append(_ entry: Int32) {
        pins[Int(entry)].previous = newest
        pins[Int(entry)].next = Self.none
        if newest == Self.none { oldest = entry } else { pins[Int(newest)].next = entry }
        newest = entry
    }

    private mutating func unlink(_ entry: Int32) {
        let pin = pins[Int(entry)]
        if pin.previous == Self.none { oldest = pin.next } else { pins[Int(pin.previous)].next = pin.next }
        if pin.next == Self.none { newest = pin.previous } else { pins[Int(pin.next)].previous = pin.previous }
    }
}
