internal import Base
internal import CLinux
internal import Glibc

/// What an epoll set reported about a descriptor.
public struct Readiness: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let readable = Readiness(rawValue: UInt32(PORTICO_READABLE))
    public static let writable = Readiness(rawValue: UInt32(PORTICO_WRITABLE))
    /// The peer will send no more; reads end once what was sent has been taken.
    public static let peerDone = Readiness(rawValue: UInt32(PORTICO_PEER_DONE))
    /// Both directions of the socket are shut.
    public static let hangup = Readiness(rawValue: UInt32(PORTICO_HANGUP))
    /// An error waits on the socket.
    public static let failed = Readiness(rawValue: UInt32(PORTICO_FAILED))

    /// A byte that the peer marked as urgent is on its way or waits. Ordinary reads stop before it, so that a short one
    /// does not mean that the socket is empty, and splices never pass it.
    public static let urgent = Readiness(rawValue: UInt32(PORTICO_URGENT))

    /// In an interest: report changes only, so that a socket is registered once and never touched again.
    static let edge = Readiness(rawValue: UInt32(PORTICO_EDGE))
}

/// One epoll instance: descriptors are named by 64-bit tokens of the owner's choosing.
struct ReadinessSet: ~Copyable {
    private let epoll: Descriptor
    private let events: OpaquePointer

    init(eventsPerWait: Int32) throws(SystemError) {
        guard let events = portico_events_new(eventsPerWait) else {
            throw SystemError("create an epoll set", code: ENOMEM)
        }
        let created = portico_epoll()
        guard created >= 0 else {
            portico_events_free(events)
            throw SystemError("create an epoll set", code: -created)
        }
        self.events = events
        self.epoll = Descriptor(owning: created)
    }

    deinit {
        portico_events_free(events)
    }

    func add(_ raw: Int32, token: UInt64, interest: Readiness) throws(SystemError) {
        try SystemError.check(portico_epoll_add(epoll.raw, raw, token, interest.rawValue), "watch a descriptor")
    }

    func modify(_ raw: Int32, token: UInt64, interest: Readiness) throws(SystemError) {
        try SystemError.check(portico_epoll_modify(epoll.raw, raw, token, interest.rawValue), "watch a descriptor")
    }

    func remove(_ raw: Int32) {
        // The only possible failure is that it was not there.
        _ = portico_epoll_remove(epoll.raw, raw)
    }

    /// Waits up to `timeout` milliseconds (-1: for ever); the number of events that ``event(_:)`` now gives.
    func wait(timeout: Int32) -> Int32 {
        // A failure could only be a programming error (a closed or foreign descriptor); it is treated as "no events".
        max(0, portico_epoll_wait(epoll.raw, events, timeout))
    }

    @inline(__always)
    func event(_ index: Int32) -> (token: UInt64, readiness: Readiness) {
        (portico_event_token(events, index), Readiness(rawValue: portico_event_readiness(events, index)))
    }
}
