import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// Descriptors that go from process to process.
@Suite(.timeLimit(.minutes(1))) struct MessageSocketTests {
    private let left: MessageEnd
    private let right: MessageEnd

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        (left, right) = (MessageEnd(ends[0]), MessageEnd(ends[1]))
    }

    @Test func descriptorsArriveWithTheirMessageAndInOrder() throws {
        let pairs = try (0..<MessageSocket.mostDescriptors).map { _ in try SocketPair() }
        try left.socket.send(Array("first".utf8), pairs.map { $0.left.descriptor.raw })
        try left.socket.send(Array("second".utf8))
        let first = try right.socket.receive()
        #expect(String(decoding: first.bytes, as: UTF8.self) == "first")
        #expect(try right.socket.receive().descriptors.isEmpty)
        try #require(first.descriptors.count == pairs.count)
        let copies = first.descriptors.map { SocketEnd(Descriptor(owning: $0)) }
        for (index, copy) in copies.enumerated() {
            #expect(fcntl(copy.descriptor.raw, F_GETFD) & FD_CLOEXEC != 0)
            #expect(copy.send("\(index)") && pairs[index].right.receive() == "\(index)")
        }
        // The sender's are still its own.
        #expect(pairs[0].left.isOpen && pairs[0].left.send("x"))
    }

    @Test func tooMuchForAMessageIsRefused() throws {
        let pair = try SocketPair()
        let many = Array(repeating: pair.left.descriptor.raw, count: MessageSocket.mostDescriptors + 1)
        #expect(throws: SystemError.self) { try left.socket.send([1], many) }
        // Of a message that is too long nothing is kept, its descriptors neither.
        try left.socket.send([UInt8](repeating: 1, count: MessageSocket.mostBytes + 1), [pair.left.descriptor.raw])
        let error = #expect(throws: SystemError.self) { try right.socket.receive() }
        #expect(error?.code == EMSGSIZE)
        pair.left.close()
        #expect(pair.right.isAtEnd)
    }

    @Test func aWaitEndsAtItsLimitAndWithTheOtherSide() throws {
        try right.socket.setLimit(20)
        let error = #expect(throws: SystemError.self) { try right.socket.receive() }
        #expect(error?.code == SystemError.timedOut)
        left.socket.end()
        #expect(try right.socket.receive().bytes.isEmpty)
        #expect(throws: SystemError.self) { try right.socket.send([1]) }
        #expect(try right.socket.peerUser() == geteuid())
    }

    @Test func aPathIsFoundAndLeft() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("socket")
        let nobody = #expect(throws: SystemError.self) { _ = try MessageSocket.connect(to: path, limit: 1000) }
        #expect(nobody?.isNobodyThere == true)
        let listener = SocketEnd(try MessageSocket.listen(at: path))
        let client = MessageEnd(try MessageSocket.connect(to: path, limit: 1000))
        try client.socket.send([7])
        let server = MessageEnd(try MessageSocket.accept(from: listener.descriptor))
        #expect(try server.socket.receive().bytes == [7])

        // A wait for the next one can be ended from elsewhere.
        let ended = Locked(false)
        let thread = try LoopThread(name: "accept") {
            do { _ = try MessageSocket.accept(from: listener.descriptor) } catch { ended.withLock { $0 = true } }
        }
        MessageSocket.stopAccepting(on: listener.descriptor)
        thread.join()
        #expect(ended.withLock { $0 })
    }
}

/// A socket in a class, since a suite and `#expect` take no noncopyable values.
private final class MessageEnd: Sendable {
    let socket: MessageSocket

    init(_ raw: Int32) { socket = MessageSocket(Descriptor(owning: raw)) }
    init(_ socket: consuming MessageSocket) { self.socket = socket }
}
