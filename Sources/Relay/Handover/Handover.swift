internal import Base
internal import EventLoop
internal import Glibc

/// Taking over the listening sockets of a running process, so that it can be replaced without a client noticing.
///
/// A socket that is closed takes along the connections that wait on it, and one of several that share a port takes its
/// part of them: a new process that opened sockets of its own would lose some at every restart. So it gets the very
/// same ones.
///
///     // the new process
///     let inheritance = try await Handover.take(from: path)
///     if let inheritance { await relay.inherit(inheritance) }
///     …                                    // serve(_:with:), open(_:on:) as always, then settle()
///     try await inheritance?.confirm()
///     await relay.releaseUnclaimed()
///     let server = try HandoverServer(path: path, relay: relay)
///
///     // the process that has been serving
///     if await server.successor() {
///         await relay.letGo()
///         await relay.drain(within: limit)
///     }
public enum Handover {
    /// Asks the process that listens at `path` for its listening sockets, for which there must be room within the limit
    /// for descriptors: raise that first.
    ///
    /// - Returns: nil if nobody listens there.
    public static func take(from path: String) async throws(HandoverError) -> Inheritance? {
        try await HandoverChannel.blocking { () throws(HandoverError) in
            // Who ends in the middle of it is there no longer, and maybe somebody else is. Its sockets are closed one
            // by one.
            for _ in 0..<attempts {
                do throws(HandoverError) {
                    return try takeOnce(from: path)
                } catch .ended {
                    usleep(pause)
                }
            }
            return try takeOnce(from: path)
        }
    }

    /// Whether there is a process at `path` that can be asked for its sockets.
    public static func isServed(at path: String) async -> Bool {
        do throws(HandoverError) {
            return try await HandoverChannel.blocking { () throws(HandoverError) in
                (try? MessageSocket.connect(to: path, limit: 1000)) != nil
            }
        } catch {
            return false
        }
    }

    private static let attempts = 50
    /// Microseconds between two of them.
    private static let pause: useconds_t = 20_000

    private static func takeOnce(from path: String) throws(HandoverError) -> Inheritance? {
        let socket: MessageSocket
        do throws(SystemError) {
            socket = try MessageSocket.connect(to: path, limit: HandoverChannel.patience)
        } catch {
            if error.isNobodyThere { return nil }
            throw .system(error)
        }
        return try take(through: HandoverChannel(socket))
    }

    /// The new process's side of the conversation, up to the confirmation; blocks.
    static func take(
        through channel: HandoverChannel, speaking versions: HandoverVersions = .spoken
    ) throws(HandoverError) -> Inheritance {
        try channel.send(.hello(version: versions.newest))
        guard case .hello(let version) = try channel.receiveMessage() else { throw .unexpected("no greeting") }
        guard versions.includes(version) else { throw .version(version) }

        var sockets: [(door: Inheritance.Door, socket: Int32)] = []
        do throws(HandoverError) {
            while true {
                try channel.send(.next)
                let (message, descriptors) = try channel.receive()
                let doors = if case .sockets(let doors) = message { doors } else { [Inheritance.Door]() }
                guard doors.count == descriptors.count else {
                    for socket in descriptors { _ = Descriptor(owning: socket) }
                    throw .unexpected("\(descriptors.count) sockets for \(doors.count) doors")
                }
                sockets += zip(doors, descriptors).map { (door: $0, socket: $1) }
                switch message {
                case .sockets: try check(sockets.suffix(doors.count))
                case .none: return Inheritance(sockets, from: channel)
                case .refused(let reason): throw .refused(reason)
                default: throw .unexpected(message.text)
                }
            }
        } catch {
            for (_, socket) in sockets { _ = Descriptor(owning: socket) }
            guard case .system(let reason) = error, reason.code == EMFILE else { throw error }
            throw .noRoom(sockets: sockets.count, limit: ResourceLimits.descriptorLimit)
        }
    }

    /// Each socket must be where it is said to be: clients of one service port must not end up at another.
    private static func check(_ sockets: ArraySlice<(door: Inheritance.Door, socket: Int32)>) throws(HandoverError) {
        for (door, raw) in sockets {
            let socket = Descriptor(owning: raw)
            let local = try? TCPSocket.localAddress(of: socket)
            _ = socket.release()
            guard let local, EndpointAddress(ip: IPAddress(local), port: local.port) == door.address else {
                throw .unexpected("a socket for \(door.port) that is not at \(door.address)")
            }
        }
    }
}
