import Base
import EventLoop
import Glibc
import TestSupport
import Testing

extension EventLoop {
    /// Runs the loop on the calling thread until something stops it. If nothing does, the test fails instead of hanging.
    func runGuarded(
        within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
        _ handler: Handler = { _, _ in }
    ) -> Int32 {
        let watchdog = Timer(on: self) { [unowned self] in
            Issue.record("nothing stopped the loop", sourceLocation: sourceLocation)
            stop()
        }
        watchdog.start(after: UInt64(Deadline.within(limit).milliseconds))
        return run(handler)
    }

    /// Runs the loop, on the calling thread, for `turns` turns: enough for anything that is ready to be reported. No
    /// clock is involved, so "was not reported" is a fact and not a matter of waiting long enough.
    func runTurns(_ turns: Int, _ handler: Handler = { _, _ in }) -> Int32 {
        let counter: Token = .max - 1
        var left = turns
        again(counter)
        return runGuarded { token, readiness in
            guard token == counter else { return handler(token, readiness) }
            left -= 1
            if left > 0 { again(counter) } else { stop() }
        }
    }
}

/// A loop on a thread of its own.
final class RunningLoop: Sendable {
    let loop: EventLoop
    private let thread: LoopThread
    private let result = Locked<Int32?>(nil)

    init(_ handler: @escaping @Sendable (EventLoop.Token, Readiness) -> Void = { _, _ in }) throws {
        let loop = try EventLoop()
        self.loop = loop
        thread = try LoopThread(name: "test loop") { [result] in
            let closed = loop.run(handler)
            result.withLock { $0 = closed }
        }
    }

    /// Stops the loop, waits for its thread, and returns what `run` did.
    func finish() -> Int32? {
        loop.stop()
        thread.join()
        return result.withLock { $0 }
    }
}

/// A connected pair of non-blocking stream sockets.
struct SocketPair {
    let left: SocketEnd
    let right: SocketEnd

    /// A pair of Unix sockets.
    init() throws {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let status = socketpair(AF_UNIX, kind, 0, &ends)
        try #require(status == 0)
        left = SocketEnd(Descriptor(owning: ends[0]))
        right = SocketEnd(Descriptor(owning: ends[1]))
    }

    /// A TCP connection over loopback; `left` dialled.
    init(tcp: Void) throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        left = SocketEnd(try TCPSocket.dial(TCPSocket.localAddress(of: listener)))
        // On loopback the connection is in the queue as soon as connect returns.
        guard case .accepted(let accepted, _) = TCPSocket.accept(from: listener) else {
            throw SystemError("accept", code: EAGAIN)
        }
        right = SocketEnd(accepted)
    }
}

/// A descriptor in a class, since `#expect` takes no noncopyable values.
///
/// Unchecked: a test hands it to a loop's thread, and leaves it alone from then on.
final class SocketEnd: @unchecked Sendable {
    private(set) var descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    func close() { descriptor = .none }
    func shutdownWrite() { descriptor.shutdownWrite() }
    func reset() {
        descriptor.resetOnClose()
        close()
    }

    var isOpen: Bool { descriptor.isOpen }
    var pendingError: Int32 { descriptor.pendingError() }

    /// Sends `text` in one call.
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { descriptor.write($0) } == .moved(bytes.count)
    }

    /// What one read of at most `count` bytes gives: text, or nil if it moved nothing.
    func receive(_ count: Int = 4096) -> String? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard case .moved(let moved) = bytes.withUnsafeMutableBytes({ descriptor.read(into: $0) }) else { return nil }
        return String(decoding: bytes.prefix(moved), as: UTF8.self)
    }

    /// Whether the other side has ended.
    var isAtEnd: Bool {
        var byte: UInt8 = 0
        return withUnsafeMutableBytes(of: &byte) { descriptor.read(into: $0) } == .end
    }

    /// Sends until nothing more fits; the number of bytes.
    func fillUp() -> Int {
        let chunk = [UInt8](repeating: 7, count: 64 << 10)
        var total = 0
        while case .moved(let count) = chunk.withUnsafeBytes({ descriptor.write($0) }) { total += count }
        return total
    }

    /// Receives until nothing is left; the number of bytes.
    func drainAll() -> Int {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var total = 0
        while case .moved(let count) = chunk.withUnsafeMutableBytes({ descriptor.read(into: $0) }) { total += count }
        return total
    }
}
