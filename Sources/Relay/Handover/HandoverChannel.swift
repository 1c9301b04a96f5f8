internal import Base
internal import EventLoop
internal import Glibc

/// A connection to the other process, in terms of messages. One side of one conversation; one caller at a time.
final class HandoverChannel: Sendable {
    /// Milliseconds that one answer may take. The other process has only to look at what it has.
    static let patience: UInt64 = 10_000

    private let socket: MessageSocket

    /// - Throws: ``HandoverError/foreigner(user:)`` if the other side is neither this user nor root: whoever gets the
    ///   sockets gets the clients, and whoever gives them can read along.
    init(_ socket: consuming MessageSocket) throws(HandoverError) {
        let user: UInt32
        do throws(SystemError) { user = try socket.peerUser() } catch { throw .system(error) }
        guard user == geteuid() || user == 0 else { throw .foreigner(user: user) }
        self.socket = socket
    }

    func send(_ message: HandoverMessage, _ descriptors: [Int32] = []) throws(HandoverError) {
        do throws(SystemError) {
            try socket.send(Array(message.text.utf8), descriptors)
        } catch {
            throw error.code == EPIPE || error.code == ECONNRESET ? .ended : .system(error)
        }
    }

    /// The next message, with its descriptors, which are the caller's; blocks.
    func receive() throws(HandoverError) -> (message: HandoverMessage, descriptors: [Int32]) {
        let received: MessageSocket.Message
        do throws(SystemError) {
            received = try socket.receive()
        } catch {
            throw error.code == ECONNRESET ? .ended : .system(error)
        }
        guard !received.bytes.isEmpty else { throw .ended }
        let text = String(decoding: received.bytes, as: UTF8.self)
        guard let message = HandoverMessage(text) else {
            close(received.descriptors)
            throw .unexpected(String(text.prefix(100)))
        }
        return (message, received.descriptors)
    }

    /// A message that has no descriptors; blocks.
    func receiveMessage() throws(HandoverError) -> HandoverMessage {
        let (message, descriptors) = try receive()
        close(descriptors)
        if case .refused(let reason) = message { throw .refused(reason) }
        return message
    }

    /// The answer to a confirmation; blocks.
    ///
    /// - Returns: the descriptor that came along, which is the caller's.
    func receiveConfirmation() throws(HandoverError) -> Int32? {
        let (message, descriptors) = try receive()
        close(descriptors.dropFirst())
        if message == .confirmed { return descriptors.first }
        close(descriptors.prefix(1))
        if case .refused(let reason) = message { throw .refused(reason) }
        throw .unexpected(message.text)
    }

    private func close(_ descriptors: some Sequence<Int32>) {
        for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
    }

    /// Ends the conversation for both sides, and every wait in it. Any thread.
    func end() { socket.end() }

    /// Does what blocks on a thread of its own. A handover happens once in the life of a process: that is no place to
    /// save threads, and Swift's own must not wait.
    static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(HandoverError) -> Value
    ) async throws(HandoverError) -> Value {
        let result = await withCheckedContinuation { continuation in
            do throws(SystemError) {
                _ = try LoopThread(name: "handover") {
                    continuation.resume(returning: Result(catching: body))
                }
            } catch {
                continuation.resume(returning: Result<Value, HandoverError>.failure(.system(error)))
            }
        }
        return try result.get()
    }
}
