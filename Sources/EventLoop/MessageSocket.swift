public import Base
internal import CLinux
internal import Glibc

/// A connection between two processes of this machine that carries messages, and open descriptors with them.
///
/// Calls block, for as long as ``setLimit(_:)`` says, so they belong on a thread of their own; only ``end()`` may be
/// called from another one meanwhile.
public struct MessageSocket: ~Copyable, Sendable {
    /// Descriptors in one message, at most: the kernel's limit.
    public static let mostDescriptors = Int(PORTICO_MOST_DESCRIPTORS)
    /// Bytes in one message, at most; well below the kernel's default buffer, in which a message must fit as a whole.
    public static let mostBytes = 64 * 1024

    private let socket: Descriptor

    /// - Parameter socket: a connected Unix socket that keeps the boundaries of messages (SOCK_SEQPACKET).
    public init(_ socket: consuming Descriptor) {
        self.socket = socket
    }

    /// What came in one message.
    public struct Message: Sendable {
        /// Empty at the end: the other side has closed, or died.
        public var bytes: [UInt8]
        /// Open descriptors, which whoever gets them has to close.
        public var descriptors: [Int32]
    }

    /// How long connecting, sending and receiving may take, in milliseconds; 0 sets no limit.
    public func setLimit(_ milliseconds: UInt64) throws(SystemError) {
        try SystemError.check(portico_message_limit(socket.raw, Int64(clamping: milliseconds)), "set a time limit")
    }

    /// The number of the user whose process the other side is.
    public func peerUser() throws(SystemError) -> UInt32 {
        var (user, process): (UInt32, Int32) = (0, 0)
        try SystemError.check(portico_message_peer(socket.raw, &user, &process), "ask whose process this is")
        return user
    }

    /// The number of the process that the other side is; nil if it has none that means anything here, as in another
    /// container.
    public func peerProcess() throws(SystemError) -> Int32? {
        var (user, process): (UInt32, Int32) = (0, 0)
        try SystemError.check(portico_message_peer(socket.raw, &user, &process), "ask which process this is")
        return process > 0 ? process : nil
    }

    /// Sends one message with duplicates of `descriptors`, which stay the caller's.
    public func send(_ bytes: [UInt8], _ descriptors: [Int32] = []) throws(SystemError) {
        let result = bytes.withUnsafeBytes { bytes in
            descriptors.withUnsafeBufferPointer {
                portico_message_send(socket.raw, bytes.baseAddress, bytes.count, $0.baseAddress, Int32($0.count))
            }
        }
        // A limit that has passed looks like a socket that does not block.
        try SystemError.check(result == -EAGAIN ? -ETIMEDOUT : result, "send to another process")
    }

    /// Waits for the next message.
    public func receive() throws(SystemError) -> Message {
        var descriptors = [Int32](repeating: -1, count: Self.mostDescriptors)
        var count: Int32 = 0
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.mostBytes) { buffer, filled in
            result = portico_message_receive(socket.raw, buffer.baseAddress, buffer.count, &descriptors, &count)
            filled = max(result, 0)
        }
        if result < 0 {
            let code = Int32(truncatingIfNeeded: -result)
            throw SystemError("receive from another process", code: code == EAGAIN ? ETIMEDOUT : code)
        }
        return Message(bytes: bytes, descriptors: Array(descriptors.prefix(Int(count))))
    }

    /// Ends the connection for both sides; whoever waits on it, in any thread, finds it at its end.
    public func end() {
        portico_message_end(socket.raw)
    }
}

extension MessageSocket {
    /// A connection to whoever listens at `path`.
    ///
    /// - Throws: ``SystemError``, with which ``SystemError/isNobodyThere`` tells that nobody does.
    public static func connect(to path: String, limit: UInt64) throws(SystemError) -> MessageSocket {
        let created = try SystemError.check(portico_message_socket(), "create a socket for", path)
        let socket = MessageSocket(Descriptor(owning: created))
        try socket.setLimit(limit)
        let result = portico_message_connect(created, path)
        try SystemError.check(result == -EAGAIN ? -ETIMEDOUT : result, "connect to", path)
        return socket
    }

    /// A socket that listens at `path`, in a file that only this user can connect to.
    public static func listen(at path: String) throws(SystemError) -> Descriptor {
        let created = try SystemError.check(portico_message_socket(), "create a socket for", path)
        let socket = Descriptor(owning: created)
        try SystemError.check(portico_message_bind(socket.raw, path), "listen at", path)
        try SystemError.check(portico_listen(socket.raw, 16), "listen at", path)
        return socket
    }

    /// Waits for the next process that connects.
    ///
    /// - Throws: ``SystemError`` also once ``stopAccepting(on:)`` was called, from any thread.
    public static func accept(from listener: borrowing Descriptor) throws(SystemError) -> MessageSocket {
        let accepted = portico_message_accept(listener.raw)
        return MessageSocket(Descriptor(owning: try SystemError.check(accepted, "accept")))
    }

    public static func stopAccepting(on listener: borrowing Descriptor) {
        portico_message_end(listener.raw)
    }
}

extension SystemError {
    /// There is no such socket file, or nobody listens at it.
    public var isNobodyThere: Bool { code == ENOENT || code == ECONNREFUSED }
}
