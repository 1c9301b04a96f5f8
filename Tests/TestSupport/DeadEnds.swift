internal import Glibc

/// A port that refuses connections for as long as the object lives: bound, so that nobody else gets it, and not listening.
public final class RefusingPort: Sendable {
    public let host: String
    public let port: UInt16
    private let socket: PeerSocket

    /// - Parameter port: 0 takes a free one.
    public init(on host: String = "127.0.0.1", port: UInt16 = 0) throws {
        let address = try SocketAddress(host, port)
        socket = try PeerSocket(SOCK_STREAM, family: address.family, stop: Cue())
        try socket.bind(to: address)
        self.host = host
        self.port = try SocketAddress.local(of: socket).port
    }
}

/// A port on which connecting neither succeeds nor fails, as to a host that is gone: SYNs are dropped.
///
/// It is a listener whose queue (of one, the smallest there is) is full and never emptied; Linux then drops further
/// SYNs. The initializer checks that it is so.
public final class BlackHole: Sendable {
    public let host: String
    public let port: UInt16
    private let listener: PeerSocket
    /// The connections that fill the queue, kept open.
    private let fillers: [PeerSocket]
    private let greeted = Locked<[PeerSocket]>([])

    public init(on host: String = "127.0.0.1") throws {
        let stop = Cue()
        let address = try SocketAddress(host, 0)
        listener = try PeerSocket(SOCK_STREAM, family: address.family, stop: stop)
        try listener.bind(to: address)
        try listener.listen(backlog: 0)
        let local = try SocketAddress.local(of: listener)
        (self.host, port) = (local.host, local.port)

        var fillers: [PeerSocket] = []
        // The first connection fits into the queue; the one that stays without an answer shows that it is full.
        while fillers.count < 16 {
            let filler = try PeerSocket(SOCK_STREAM, family: address.family, stop: stop)
            fillers.append(filler)
            do throws(PeerError) {
                try filler.connect(to: local, until: .within(.milliseconds(150)))
            } catch {
                guard error.isTimeout else { throw error }
                self.fillers = fillers
                return
            }
        }
        throw PeerError.unexpected("\(local) still answers with \(fillers.count) connections in its queue")
    }

    /// Accepts what is in the queue and says `text` to each, without waiting for more.
    public func greet(_ text: String) throws {
        while let client = try? listener.accept(stop: Cue(), until: .within(.zero)) {
            _ = try? Array(text.utf8).withUnsafeBytes { try client.write($0, until: .within(.zero)) }
            greeted.withLock { $0.append(client) }
        }
    }

    /// The host is back: the port answers from the next SYN on, and connections wait in a longer queue.
    public func open() {
        // First the fillers, or one whose SYN is sent again before the client's would take the place that is free now.
        for filler in fillers { filler.close() }
        try? listener.listen(backlog: 128)
    }
}

/// A TCP port that was free a moment ago. Prefer binding to port 0; this is for a program that must be told a number.
public func freePort(on host: String = "127.0.0.1") throws -> UInt16 {
    // The socket is closed without ever having listened, so the port is free at once.
    try RefusingPort(on: host).port
}

/// The first of so many in a row that were free a moment ago.
public func freePorts(_ count: UInt16, on host: String = "127.0.0.1") throws -> UInt16 {
    for _ in 0..<1000 {
        let first = try freePort(on: host)
        guard first < .max - count else { continue }
        let isFree = (first..<first + count).allSatisfy { (try? RefusingPort(on: host, port: $0)) != nil }
        if isFree { return first }
    }
    throw PeerError.unexpected("there are no \(count) free ports in a row")
}
