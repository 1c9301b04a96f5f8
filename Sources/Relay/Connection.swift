internal import Balancing
internal import EventLoop

/// One client and, once it is dialled, one endpoint, with the two directions between them. Lives in a worker's slab and
/// is about 200 bytes, which is all that an idle connection costs.
struct Connection: ~Copyable {
    /// Why a connection came to its end.
    typealias Outcome = ConnectionRecord.Outcome

    let client: Descriptor
    /// The socket to the endpoint: of the attempt under way, or of the one that succeeded.
    var server = Descriptor.none
    let port: PortState
    /// The service port's, once more, without a reference count to keep for each message.
    let counters: UnsafeMutablePointer<PortCells>
    var endpoint: Endpoint?
    let peer: SocketAddress
    /// Dial attempts begun, 1…4.
    var attempts: UInt8 = 0
    /// The errno of the attempts that failed: of one that shows that somebody is there, if there is one. All are below
    /// 134, so that a byte will do.
    var dialError: UInt8 = 0
    /// Both sockets stand, and bytes may move.
    var isEstablished = false
    /// What an endpoint is to hear of the client before its words is among those.
    var isAnnounced = false
    /// There was no endpoint, and the client waits for one.
    var isHeld = false
    /// Which of the sockets the loop knows.
    var isWatchingClient = false
    var isWatchingServer = false
    let openedAt: UInt64
    /// The loop's time at the last event.
    var lastActive: UInt64

    /// Client to endpoint. Its first read does not wait for an event: most clients speak at once.
    var up = Direction(sourceReady: true)
    /// One side broke: bytes that the other one was still to get when that was last looked at. It stands where there is
    /// a gap.
    var undelivered: Int32 = 0
    var upHold = Hold()
    /// Endpoint to client.
    var down = Direction(sourceReady: false)
    var downHold = Hold()

    init(client: consuming Descriptor, peer: SocketAddress, port: PortState, now: UInt64) {
        self.client = client
        self.peer = peer
        self.port = port
        self.counters = port.counters
        self.openedAt = now
        self.lastActive = now
    }
}

extension Connection {
    /// Bytes that both directions have delivered.
    var moved: UInt64 { up.moved + down.moved }

    /// Bytes that go to either side before any others.
    mutating func begin(with opening: borrowing Opening) {
        if !opening.request.isEmpty {
            opening.request.withUnsafeBytes { upHold.keep($0) }
            up.begin(with: opening.request.count)
        }
        if !opening.greeting.isEmpty {
            opening.greeting.withUnsafeBytes { downHold.keep($0) }
            down.precede(with: opening.greeting.count)
        }
    }

    /// Whatever was known of the sockets: the next attempts to read and to write tell.
    mutating func lookAnew() {
        up.lookAnew()
        down.lookAnew()
    }

    /// One direction has ended and the other goes on: legitimate, but limited in time if nothing moves.
    var isHalfOpen: Bool {
        isEstablished && (up.phase == .finished) != (down.phase == .finished)
    }
}
