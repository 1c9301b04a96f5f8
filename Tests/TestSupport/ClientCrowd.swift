internal import Glibc

/// Many client connections on one thread: for tests that need thousands, where a thread for each would be the test.
///
/// All calls are made on a thread of the crowd's own; none blocks the test's.
public final class ClientCrowd: Sendable {
    private let sockets: [PeerSocket]

    private init(_ sockets: [PeerSocket]) { self.sockets = sockets }

    public var count: Int { sockets.count }

    /// Opens `count` connections, one after the other; `limit` is for all of them.
    public static func connect(
        _ count: Int, to port: UInt16, on host: String = "127.0.0.1", within limit: Duration = .seconds(60)
    ) async throws -> ClientCrowd {
        try await onThread { () throws(PeerError) in
            let (target, stop, deadline) = (try SocketAddress(host, port), Cue(), Deadline.within(limit))
            var sockets: [PeerSocket] = []
            for _ in 0..<count {
                let socket = try PeerSocket(SOCK_STREAM, family: target.family, stop: stop)
                try socket.connect(to: target, until: deadline)
                sockets.append(socket)
            }
            return ClientCrowd(sockets)
        }
    }

    /// Sends `message` on every connection, then reads as many bytes from each; returns how many connections got
    /// their own message back. The message is preceded by the number of the connection, to see them mixed up.
    public func roundTrip(_ message: String, within limit: Duration = .seconds(60)) async throws -> Int {
        let sockets = sockets
        return try await Self.onThread { () throws(PeerError) in
            let deadline = Deadline.within(limit)
            for (index, socket) in sockets.enumerated() {
                let bytes = Array("\(index) \(message)".utf8)
                // So few bytes always fit into the buffer of an idle connection.
                let sent = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(PeerError) in
                    try socket.write(bytes, until: deadline)
                }
                guard sent == bytes.count else { throw .unexpected("connection \(index) took \(sent) bytes") }
            }
            var good = 0
            for (index, socket) in sockets.enumerated()
            where try Self.read(Array("\(index) \(message)".utf8), from: socket, until: deadline) {
                good += 1
            }
            return good
        }
    }

    /// Closes every connection.
    public func close() {
        for socket in sockets { socket.close() }
    }

    private static func read(
        _ expected: [UInt8], from socket: PeerSocket, until deadline: Deadline
    ) throws(PeerError) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: expected.count, alignment: 1)
        defer { buffer.deallocate() }
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try socket.read(into: rest, until: deadline)
            if count == 0 { return false }
            filled += count
        }
        return buffer.elementsEqual(expected)
    }

    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(PeerError) -> Value
    ) async throws -> Value {
        let completion = Completion<Result<Value, PeerError>>()
        try spawnThread { completion.finish(Result(catching: body)) }
        return try await completion.value.get()
    }
}
