public import Base
internal import EventLoop

/// Why a handover did not come about. Whoever served before goes on serving.
public enum HandoverError: Error, Hashable, Sendable {
    /// Another process listens at the path of the socket.
    case taken(path: String)
    /// There is a file at the path of the socket that is not a socket.
    case notASocket(path: String)
    /// The other side belongs to another user, who is not root.
    case foreigner(user: UInt32)
    /// The other side hands over by versions of the protocol that this one does not speak, such as this.
    case version(Int)
    /// The other side would not; its own words.
    case refused(String)
    /// The other side said something that nobody expects from it.
    case unexpected(String)
    /// The other side has ended.
    case ended
    /// The other side has more sockets than the so many that it has given, and this process may have no more
    /// descriptors.
    case noRoom(sockets: Int, limit: Int)
    case system(SystemError)
}

extension HandoverError {
    /// The other side is there and says nothing: it hangs, or is stopped.
    public var isSilence: Bool {
        if case .system(let error) = self { error.code == SystemError.timedOut } else { false }
    }
}

extension HandoverError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .taken(let path): "\(path) is in use by another process"
        case .notASocket(let path): "\(path) is a file, and not a socket"
        case .foreigner(let user): "the other process belongs to user \(user)"
        case .version(let version):
            "the other process hands over by version \(version) of the protocol, not \(HandoverVersions.spoken)"
        case .refused(let reason): "the other process refused: \(reason)"
        case .unexpected(let what): "the other process sent something unexpected: \(what)"
        case .ended: "the other process has ended"
        case .noRoom(let sockets, let limit):
            "it has more than \(sockets) sockets, and this process may have \(limit) descriptors open: raise that limit "
                + "(ulimit -n, or LimitNOFILE= of systemd)"
        case .system(let error): error.description
        }
    }
}
