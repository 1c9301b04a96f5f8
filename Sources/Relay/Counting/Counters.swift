public import Balancing

/// What happened on one service port, since it was first served.
public struct PortCounters: Sendable, Equatable {
    /// Clients accepted; for UDP, flows opened.
    public var accepted: UInt64 = 0
    /// Connections that are open now, being dialled included.
    public var open: Int = 0
    /// Clients that were reset because there was no endpoint, none could be reached, descriptors had run out, or they were
    /// not admitted.
    public var refused: UInt64 = 0
    /// Attempts to reach an endpoint that failed, whatever became of the client.
    public var dialFailures: UInt64 = 0
    /// Connections that ended by a reset or another error after they stood.
    public var broken: UInt64 = 0
    /// Bytes from clients to endpoints, of connections open now included.
    public var bytesUp: UInt64 = 0
    /// Bytes from endpoints to clients.
    public var bytesDown: UInt64 = 0
    /// UDP: datagrams to endpoints, to clients, and those that were given up.
    public var datagramsUp: UInt64 = 0
    public var datagramsDown: UInt64 = 0
    public var dropped: UInt64 = 0
    /// Clients that wait for an endpoint now, that ever had to, and that did so in vain.
    public var held = 0
    public var heldInAll: UInt64 = 0
    public var holdTimeouts: UInt64 = 0
    /// How often an endpoint was taken out of use because it could not be reached, and put back because it could.
    public var ejections: UInt64 = 0
    public var readmissions: UInt64 = 0
    /// Endpoints that there are now, and those of them that are out of use; without the reserve.
    public var endpoints = 0
    public var ejectedEndpoints = 0
    /// Clients that keep their endpoint now, by session affinity.
    public var pinnedClients = 0
    /// How often accepting paused because it had its share of something scarce, or there was none of it.
    public var acceptPauses: UInt64 = 0

    public init() {}

    public static func += (a: inout PortCounters, b: PortCounters) {
        a.accepted += b.accepted
        a.open += b.open
        a.refused += b.refused
        a.dialFailures += b.dialFailures
        a.broken += b.broken
        a.bytesUp += b.bytesUp
        a.bytesDown += b.bytesDown
        a.datagramsUp += b.datagramsUp
        a.datagramsDown += b.datagramsDown
        a.dropped += b.dropped
        a.held += b.held
        a.heldInAll += b.heldInAll
        a.holdTimeouts += b.holdTimeouts
        a.ejections += b.ejections
        a.readmissions += b.readmissions
        a.endpoints += b.endpoints
        a.ejectedEndpoints += b.ejectedEndpoints
        a.pinnedClients += b.pinnedClients
        a.acceptPauses += b.acceptPauses
    }
}

/// What happened in the relay as a whole.
public struct RelayCounters: Sendable, Equatable {
    /// Bytes that went through a pipe, without a copy.
    public var splicedBytes: UInt64 = 0
    /// Bytes that were copied.
    public var copiedBytes: UInt64 = 0
    /// Connections open now, and those of them with one direction ended.
    public var open: Int = 0
    public var halfOpen: Int = 0
    /// Pipes that exist, and those of them that hold bytes now.
    public var pipes: Int = 0
    public var pipesLent: Int = 0
    /// How often accepting paused at one service port, because it had its share of something or that had run out.
    public var acceptPauses: UInt64 = 0
    /// Clients reset before anything was done for them because descriptors had run out; they are among those whose end is
    /// `exhausted`.
    public var shed: UInt64 = 0
    /// UDP flows that had to end early to make room.
    public var flowsEvicted: UInt64 = 0
    /// What service ports that are no longer served add up to, their last connections included.
    public var removed = PortCounters()
    /// Connections that were still open when a drain reached its limit.
    public var endedByDrain: Int = 0
    /// Attempts to reach endpoints, for clients over TCP.
    public var dials = Tally<DialResult>()
    /// How TCP clients came to their end: with those that are open, all who were accepted.
    public var endings = Tally<ConnectionRecord.Outcome>()
    /// Why datagrams were given up.
    public var drops = Tally<DropReason>()
    /// How long clients over TCP waited for an endpoint, of those who got one.
    public var connecting = Durations(DurationCells.connecting)
    /// How long TCP connections were open, of those that have ended.
    public var lasting = Durations(DurationCells.open)

    public init() {}
}

/// All counters at one moment.
public struct RelaySnapshot: Sendable, Equatable {
    public var total = RelayCounters()
    public var ports: [ServicePortID: PortCounters] = [:]

    /// All service ports together, those that are no longer served included.
    public var sum: PortCounters {
        ports.values.reduce(into: total.removed) { $0 += $1 }
    }

    public init() {}
}
