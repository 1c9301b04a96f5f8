internal import EventLoop

/// A client in its handshake, on the loop's thread. Its socket is closed with it, unless it has left.
final class ForwardClient {
    /// What a step came to.
    enum Verdict {
        case goesOn
        /// Until its readiness changes, or there is an answer.
        case waits
        case asks(ForwardTarget)
        case refused(wrongPassword: Bool)
        case finished
    }

    private enum Phase {
        case talking
        /// It is found out what it may have. Nothing is read meanwhile.
        case asking
        /// It was told its last word, and what it still sends is thrown away: closing with unread bytes would be a
        /// reset, which can destroy that word on its way.
        case lingering
    }

    let peer: SocketAddress
    /// When it is closed, by the loop's clock.
    var deadline: UInt64
    private var socket: Descriptor?
    private var handshake: ProxyHandshake
    private var phase = Phase.talking

    init(_ socket: consuming Descriptor, _ peer: SocketAddress, _ handshake: ProxyHandshake, deadline: UInt64) {
        self.socket = consume socket
        self.peer = peer
        self.handshake = handshake
        self.deadline = deadline
    }

    var isAsking: Bool { if case .asking = phase { true } else { false } }

    /// Does the next thing there is to do without waiting.
    func step(_ scratch: UnsafeMutableRawBufferPointer) -> Verdict {
        switch phase {
        case .asking: return .waits
        case .lingering: return read(scratch)
        case .talking: break
        }
        switch handshake.next() {
        case .needsMore: return read(scratch)
        case .send(let bytes): return send(bytes) ? .goesOn : .finished
        case .hangUp: return .finished
        case .ask(let target):
            phase = .asking
            return .asks(target)
        case .refuse(let bytes, let wrongPassword):
            return endWith(bytes) ? .refused(wrongPassword: wrongPassword) : .finished
        }
    }

    /// Tells it that it gets nothing; it is to be stepped then.
    func refuse(_ refusal: ForwardRefusal) {
        // One that does not take it has nothing to wait for; its end is seen at the next step.
        _ = endWith(handshake.refused(refusal))
    }

    /// Gives it away, no longer watched by `loop`; nil if its socket is gone.
    func leave(_ loop: EventLoop) -> ForwardedClient? {
        guard let socket = socket.take() else { return nil }
        loop.unwatch(socket)
        let (request, greeting) = handshake.granted()
        return ForwardedClient(socket: socket, peer: peer, request: request, greeting: greeting)
    }

    private func read(_ scratch: UnsafeMutableRawBufferPointer) -> Verdict {
        switch transfer({ $0.read(into: scratch) }) {
        case .moved(let count):
            if case .talking = phase { handshake.receive(scratch[..<count]) }
            return .goesOn
        case .wouldBlock: return .waits
        case .end, .failed, nil: return .finished
        }
    }

    private func endWith(_ bytes: [UInt8]) -> Bool {
        phase = .lingering
        guard send(bytes) else { return false }
        _ = transfer { socket in
            socket.shutdownWrite()
            return .end
        }
        return true
    }

    /// A handshake's words are few, and a socket that is new takes them; one that does not is given up.
    private func send(_ bytes: [UInt8]) -> Bool {
        transfer { socket in bytes.withUnsafeBytes { socket.write($0) } } == .moved(bytes.count)
    }

    private func transfer(_ move: (borrowing Descriptor) -> Transfer) -> Transfer? {
        // A place that is empty has nothing to move.
        if let open = socket.take() {
            let result = move(open)
            socket = consume open
            return result
        }
        return nil
    }
}
