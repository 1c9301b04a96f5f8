import Base
import EventLoop
import Glibc
import Synchronization
import Testing

/// Whether a descriptor is closed shows at its peer: its number may belong to another test a moment later.
@Suite struct DescriptorTests {
    @Test func closesWhenItsOwnerLetsGo() throws {
        let pair = try SocketPair()
        #expect(!pair.right.isAtEnd)
        pair.left.close()
        #expect(pair.right.isAtEnd)
    }

    @Test func closesOnceHoweverOftenItIsHandedOn() throws {
        func passOn(_ descriptor: consuming Descriptor) -> Descriptor { descriptor }
        let pair = try SocketPair()
        do {
            let copy = SocketEnd(passOn(passOn(Descriptor(owning: dup(pair.left.descriptor.raw)))))
            pair.left.close()
            #expect(copy.isOpen)
            #expect(!pair.right.isAtEnd, "closed while somebody owns it")
            #expect(copy.send("x") && pair.right.receive() == "x")
        }
        #expect(pair.right.isAtEnd)
    }

    @Test func releaseGivesItUpWithoutClosing() throws {
        let pair = try SocketPair()
        let mine = Descriptor(owning: dup(pair.left.descriptor.raw))
        let raw = mine.release()
        pair.left.close()
        #expect(!pair.right.isAtEnd)
        close(raw)
        #expect(pair.right.isAtEnd)
    }

    @Test func noneClosesNothing() {
        let none = Descriptor.none
        let isOpen = none.isOpen
        #expect(!isOpen)
    }

    @Test func readAndWriteSayWhyNothingMoved() throws {
        let pair = try SocketPair(tcp: ())
        #expect(pair.left.receive() == nil && !pair.left.isAtEnd, "nothing there yet: not the end")
        #expect(pair.left.send("in flight"))
        pair.right.reset()
        var byte: UInt8 = 0
        let read = withUnsafeMutableBytes(of: &byte) { pair.left.descriptor.read(into: $0) }
        #expect(read == .failed(ECONNRESET))
        let write = withUnsafeBytes(of: byte) { pair.left.descriptor.write($0) }
        #expect(write == .failed(EPIPE), "an error, and no SIGPIPE")
    }
}

/// Read by a thread that has no time for a lock.
private final class Flag: Sendable {
    let isSet = Atomic<Bool>(false)
}

@Suite struct PipeTests {
    /// `#expect` takes no noncopyable values, and a pipe is one.
    private func expect(_ came: Transfer, _ expected: Transfer, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(came == expected, sourceLocation: sourceLocation)
    }

    @Test func saysTheCapacityThatItWasGranted() throws {
        let pipe = try Pipe(capacity: 64 << 10)
        let (capacity, readEnd, writeEnd) = (pipe.capacity, pipe.readEnd.raw, pipe.writeEnd.raw)
        // At least: a pipe is made of pages. Less only beyond an ordinary user's budget, which no test here uses up.
        #expect(capacity >= 64 << 10)
        // An empty pipe takes exactly so many bytes.
        let bytes = [UInt8](repeating: 0, count: capacity + 1)
        #expect(write(writeEnd, bytes, bytes.count) == capacity)
        #expect(fcntl(readEnd, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(readEnd, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func carriesBytesBetweenSockets() throws {
        let (source, target) = (try SocketPair(tcp: ()), try SocketPair(tcp: ()))
        let pipe = try Pipe(capacity: 64 << 10)
        #expect(source.left.send("through the pipe"))
        expect(pipe.fill(from: source.right.descriptor, count: 1 << 20), .moved(16))
        expect(pipe.drain(to: target.left.descriptor, count: 7), .moved(7))
        expect(pipe.drain(to: target.left.descriptor, count: 9), .moved(9))
        #expect(target.right.receive() == "through the pipe")
    }

    @Test func fillWouldBlockWhenTheSocketIsEmptyOrThePipeFull() throws {
        let source = try SocketPair(tcp: ())
        let pipe = try Pipe(capacity: 4096)
        expect(pipe.fill(from: source.right.descriptor, count: 4096), .wouldBlock)

        _ = source.left.fillUp()
        let capacity = pipe.capacity
        var filled = 0
        while case .moved(let count) = pipe.fill(from: source.right.descriptor, count: 1 << 20) { filled += count }
        #expect(filled > 0 && filled <= capacity)
        // The same answer, for the other reason: the pipe is full.
        expect(pipe.fill(from: source.right.descriptor, count: 4096), .wouldBlock)
        #expect(source.right.receive(1)?.utf8.count == 1, "the socket was not empty")
    }

    @Test func fillSeesTheEnd() throws {
        let source = try SocketPair(tcp: ())
        let pipe = try Pipe(capacity: 4096)
        source.left.shutdownWrite()
        expect(pipe.fill(from: source.right.descriptor, count: 4096), .end)
    }

    @Test func drainWouldBlockWhenTheSocketIsFullOrThePipeEmpty() throws {
        let (source, target) = (try SocketPair(tcp: ()), try SocketPair(tcp: ()))
        let pipe = try Pipe(capacity: 4096)
        expect(pipe.drain(to: target.left.descriptor, count: 1), .wouldBlock)
        #expect(source.left.send("kept"))
        expect(pipe.fill(from: source.right.descriptor, count: 4), .moved(4))
        let filled = target.left.fillUp()
        expect(pipe.drain(to: target.left.descriptor, count: 4), .wouldBlock)
        // Nothing of it is lost.
        var received = 0
        while received < filled { received += target.right.drainAll() }
        expect(pipe.drain(to: target.left.descriptor, count: 4), .moved(4))
        #expect(target.right.receive() == "kept")
    }

    @Test func drainToAPeerThatIsGoneIsAnError() throws {
        IgnoredSignals.ignoreBrokenPipes()
        let (source, target) = (try SocketPair(tcp: ()), try SocketPair(tcp: ()))
        let pipe = try Pipe(capacity: 4096)
        #expect(source.left.send("lost"))
        expect(pipe.fill(from: source.right.descriptor, count: 4), .moved(4))
        target.right.reset()
        guard case .failed(let code) = pipe.drain(to: target.left.descriptor, count: 4) else {
            Issue.record("drained to nobody")
            return
        }
        #expect(code == ECONNRESET || code == EPIPE)
    }

    /// SPLICE_F_MORE would hold back what does not fill a packet, for 200 ms.
    @Test func aShortPieceGoesOutAtOnce() async throws {
        let listener = try TCPSocket.listen(on: SocketAddress(v4: 0x7F00_0001, port: 0))
        let socket = try TCPSocket.dial(TCPSocket.localAddress(of: listener))
        while case .pending = TCPSocket.dialState(of: socket) { try await Task.sleep(for: .milliseconds(1)) }
        let source = try SocketPair()
        let pipe = try Pipe(capacity: 4096)
        for _ in 0..<3 {
            #expect(source.left.send("short"))
            expect(pipe.fill(from: source.right.descriptor, count: 4096), .moved(5))
            expect(pipe.drain(to: socket, count: 5), .moved(5))
            var unsent: Int32 = -1
            let asked = ioctl(socket.raw, 0x894B, &unsent)  // SIOCOUTQNSD of linux/sockios.h
            #expect(asked == 0 && unsent == 0)
        }
    }

    @Test func signalsDoNotLookLikeAFullSocket() async {
        // Readiness is reported once, so a "would block" that is not true stalls a connection for ever. splice gives up
        // for a signal even where it need not wait. A process of its own, because of the signal.
        await #expect(processExitsWith: .success) {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in }
            action.sa_flags = 0  // in particular not SA_RESTART, which would hide it
            sigaction(SIGUSR2, &action, nil)
            // Threads of the cooperative pool have signals blocked.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGUSR2)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            let victim = pthread_self()
            let ended = Flag()
            let sender = try LoopThread(name: "signals") {
                while !ended.isSet.load(ordering: .relaxed) { pthread_kill(victim, SIGUSR2) }
            }
            // Single bytes, so that as many calls as possible meet a signal on their way into the kernel.
            let (source, target) = (try SocketPair(), try SocketPair())
            let pipe = try Pipe(capacity: 4096)
            // Few enough for the buffers, where a byte that comes alone takes the room of many.
            let text = String(repeating: "x", count: 64)
            // Where the machine has few cores, signals may leave hardly any time for what they interrupt.
            let end = ContinuousClock.now + .seconds(10)
            rounds: for _ in 0..<2000 where ContinuousClock.now < end {
                #expect(source.left.send(text))
                for _ in 0..<text.utf8.count {
                    let filled = pipe.fill(from: source.right.descriptor, count: 1)
                    let drained = pipe.drain(to: target.left.descriptor, count: 1)
                    guard filled == .moved(1), drained == .moved(1) else {
                        Issue.record("fill: \(filled), drain: \(drained)")
                        break rounds
                    }
                }
                _ = target.right.drainAll()
            }
            ended.isSet.store(true, ordering: .relaxed)
            sender.join()
        }
    }
}
