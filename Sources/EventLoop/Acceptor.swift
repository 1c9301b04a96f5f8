/// Takes the clients of listening sockets on a loop, in batches. Where there are no descriptors for them, or no memory,
/// they wait: their listener, which would be reported without end, is left in peace for a moment.
///
/// For servers that say no more about such a shortage. Belongs to the loop's thread.
public final class Acceptor {
    /// Clients taken from one listener before others get their turn.
    private static let batch = 64
    private static let pauseMilliseconds: UInt64 = 100

    private let loop: EventLoop
    private var timer: Timer?
    private var paused: [EventLoop.Token] = []

    /// - Parameter resume: is given the token of a listener that was left in peace, which may have been closed
    ///   meanwhile, to let the loop report it again: ``EventLoop/setListener(_:token:accepting:)``.
    public init(on loop: EventLoop, resume: @escaping (EventLoop.Token) -> Void) {
        self.loop = loop
        // Unowned: the timer is this object's, and fires only while the loop runs, whose thread holds both.
        timer = Timer(on: loop) { [unowned self] in
            let tokens = paused
            paused = []
            for token in tokens { resume(token) }
        }
    }

    /// To be called when the loop reports a listener.
    ///
    /// - Parameter take: is given each client.
    public func accept(
        from listener: borrowing Descriptor, token: EventLoop.Token,
        _ take: (consuming Descriptor, SocketAddress) -> Void
    ) {
        for _ in 0..<Self.batch {
            switch TCPSocket.accept(from: listener) {
            case .accepted(let socket, let peer): take(socket, peer)
            case .none: return
            case .exhausted: return pause(listener, token)
            case .failed: return pause(listener, token)
            }
        }
    }

    private func pause(_ listener: borrowing Descriptor, _ token: EventLoop.Token) {
        loop.setListener(listener, token: token, accepting: false)
        if paused.isEmpty { timer?.start(after: Self.pauseMilliseconds) }
        paused.append(token)
    }
}
