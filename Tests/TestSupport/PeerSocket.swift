internal import Glibc

/// The numbers of `<sys/socket.h>` that Swift imports as enumerations, as the plain integers the calls take.
enum SocketFlag {
    static let closeOnExec = CInt(SOCK_CLOEXEC.rawValue)
    static let nonBlocking = CInt(SOCK_NONBLOCK.rawValue)
    /// A write to a closed connection is an error of that peer, not the end of the test process.
    static let noSignal = CInt(MSG_NOSIGNAL)
}

/// What a test may set on the sockets of a peer.
public struct SocketOptions: Sendable {
    /// SO_SNDBUF and SO_RCVBUF in bytes; nil leaves the kernel's choice. Small ones make back-pressure quick to reach.
    public var sendBuffer: Int?
    public var receiveBuffer: Int?

    public init(sendBuffer: Int? = nil, receiveBuffer: Int? = nil) {
        self.sendBuffer = sendBuffer
        self.receiveBuffer = receiveBuffer
    }

    public static let `default` = SocketOptions()
    /// The smallest buffers the kernel allows.
    public static let tiny = SocketOptions(sendBuffer: 1, receiveBuffer: 1)
}

/// A non-blocking socket with calls that wait: each waits for readiness, for its deadline and for `stop`, whichever
/// comes first. Closed by ``close()`` or with the object.
final class PeerSocket: Sendable {
    private let number: Locked<Int32>
    let stop: Cue

    init(owning descriptor: Int32, stop: Cue) {
        number = Locked(descriptor)
        self.stop = stop
    }

    init(_ kind: __socket_type, family: Int32, options: SocketOptions = .default, stop: Cue) throws(PeerError) {
        let descriptor = socket(
            family, CInt(kind.rawValue) | SocketFlag.closeOnExec | SocketFlag.nonBlocking, 0)
        guard descriptor >= 0 else { throw PeerError.last("socket") }
        number = Locked(descriptor)
        self.stop = stop
        if let bytes = options.sendBuffer { setOption(SOL_SOCKET, SO_SNDBUF, CInt(bytes)) }
        if let bytes = options.receiveBuffer { setOption(SOL_SOCKET, SO_RCVBUF, CInt(bytes)) }
    }

    deinit { close() }

    var descriptor: Int32 { number.withLock { $0 } }

    func close() {
        number.withLock { descriptor in
            if descriptor >= 0 { Glibc.close(descriptor) }
            descriptor = -1
        }
    }

    func setOption(_ level: Int32, _ name: Int32, _ value: CInt) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Closing now sends a reset instead of an end.
    func lingerZero() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// The error the kernel keeps for this socket, which asking clears.
    func pendingError() -> Int32 {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length)
        return value
    }

    /// Waits until `events` (or an error) is there; throws at the deadline and when stopped.
    func wait(for events: Int32, _ operation: String, until deadline: Deadline) throws(PeerError) {
        try waitReadable(descriptor, events: events, operation, stop: stop, until: deadline)
    }
}

/// Waits for `events` on a descriptor, `stop` and `deadline`, whichever comes first.
func waitReadable(
    _ descriptor: Int32, events: Int32, _ operation: String, stop: Cue, until deadline: Deadline
) throws(PeerError) {
    while true {
        var watched = [
            pollfd(fd: descriptor, events: Int16(events), revents: 0),
            pollfd(fd: stop.readEnd, events: Int16(POLLIN), revents: 0),
        ]
        let ready = poll(&watched, 2, deadline.milliseconds)
        if ready < 0 {
            let error = PeerError.last("poll")
            if error == .system("poll", errno: EINTR) { continue }
            throw error
        }
        if watched[1].revents != 0 { throw .stopped }
        if watched[0].revents != 0 { return }
        if deadline.hasPassed { throw .timedOut(operation) }
    }
}
