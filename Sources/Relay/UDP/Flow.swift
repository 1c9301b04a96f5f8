internal import Balancing
internal import EventLoop
internal import Glibc

/// One UDP client and the endpoint that it was given, with a connected socket between the relay and that endpoint: the
/// kernel then sorts replies, and reports an endpoint that is not there.
struct Flow: ~Copyable {
    let socket: Descriptor
    let port: PortState
    let endpoint: Endpoint
    let key: FlowKey
    /// What goes before every datagram to the endpoint; mostly nothing.
    let header: [UInt8]
    /// Its place in the port's ``FlowTable``.
    var entry: FlowTable.Entry = -1
    /// The largest datagrams that may be joined on the way to the endpoint, and to the client. A refusal by the kernel
    /// lowers it.
    var joinsUp: Int
    var joinsDown = Flow.joinsAll

    /// A copy of the first datagram, until there is a reply: if the endpoint turns out not to be there, another gets
    /// it, and the client notices nothing. That is failover at connect time for a protocol without connects.
    var first = Hold()
    var firstLength: Int32 = 0
    /// Endpoints that this client's first datagram has been sent to.
    var attempts: UInt8 = 1

    /// The datagrams of the batch at hand that are for this flow, as a chain of slots.
    var chain = SlotChain()

    init(
        socket: consuming Descriptor, port: PortState, endpoint: Endpoint, key: FlowKey, header: [UInt8] = []
    ) {
        self.socket = socket
        self.header = header
        // Segments would have one header for all of them.
        self.joinsUp = header.isEmpty ? Self.joinsAll : Self.joinsNone
        self.port = port
        self.endpoint = endpoint
        self.key = key
    }

    mutating func forgetFirst() {
        first = Hold()
        firstLength = 0
    }

    static let joinsAll = Int.max
    static let joinsNone = 0

    /// What may still be joined after the kernel refused a run of datagrams of `length` bytes; nil if the error says
    /// nothing about joining. A segment must fit a packet of the way, as a datagram of its own, which is cut up, need
    /// not.
    static func joins(afterRefusing length: Int, with code: Int32) -> Int? {
        switch code {
        case EINVAL, EMSGSIZE: length - 1
        case EIO: joinsNone
        default: nil
        }
    }
}

/// Slots of a ``DatagramBatch`` that go the same way, in order; the links are in ``DatagramState/nextSlot``.
struct SlotChain {
    var first: Int16 = -1
    var last: Int16 = -1

    var isEmpty: Bool { first < 0 }
}

/// Cuts what goes the same way into runs that one call can send: datagrams of one size, of which only the last may be
/// shorter, within the kernel's limits for UDP_SEGMENT.
struct RunCutter {
    private(set) var slots: [UInt16] = []
    private var size = 0
    private var bytes = 0
    private var isClosed = false

    init() {
        slots.reserveCapacity(DatagramBatch.mostJoined)
    }

    var isEmpty: Bool { slots.isEmpty }

    /// Adds a datagram to the run; false if it has to begin the next one.
    @inline(__always)
    mutating func add(_ slot: Int, length: Int) -> Bool {
        if slots.isEmpty {
            size = length
        } else {
            // An empty datagram cannot be a segment.
            guard !isClosed, length <= size, length > 0, slots.count < DatagramBatch.mostJoined,
                bytes + length <= DatagramBatch.mostJoinedBytes
            else { return false }
            isClosed = length < size
        }
        bytes += length
        slots.append(UInt16(slot))
        return true
    }

    mutating func reset() {
        slots.removeAll(keepingCapacity: true)
        size = 0
        bytes = 0
        isClosed = false
    }
}
