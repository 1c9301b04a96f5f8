internal import Glibc

/// One side of a TCP connection that does what its script says, on a thread of its own with blocking calls.
///
/// Every step has a deadline, so that a test fails with the name of the step rather than hang. The peer is stopped, and
/// its socket closed, when the object goes; keep it as long as it is to do something.
///
///     let client = try ScriptedPeer.connect(to: port, script: [.send("hello"), .shutdownWrite, .receiveAll])
///     let report = try await client.finished()
///     #expect(report.received.text == "hello")
public final class ScriptedPeer: Sendable {
    /// How long one step may take, unless the maker says otherwise.
    public static let defaultStepLimit = Duration.seconds(30)

    private let stopCue: Cue
    private let state: Locked<PeerReport>
    private let completion: Completion<PeerReport>

    private init(stop: Cue, state: Locked<PeerReport>, completion: Completion<PeerReport>) {
        (stopCue, self.state, self.completion) = (stop, state, completion)
    }

    deinit { stopCue.give() }

    /// A client. It returns at once; connecting is the first thing its thread does.
    ///
    /// - Parameter source: the address to connect from, when it matters who the client is.
    public static func connect(
        to port: UInt16, on host: String = "127.0.0.1", from source: String? = nil, options: SocketOptions = .default,
        stepLimit: Duration = defaultStepLimit, script: [PeerStep]
    ) throws -> ScriptedPeer {
        let stop = Cue()
        let target = try SocketAddress(host, port)
        let socket = try PeerSocket(SOCK_STREAM, family: target.family, options: options, stop: stop)
        if let source { try socket.bind(to: SocketAddress(source, 0)) }
        return try run(socket, name: "client of \(target)", script, limit: stepLimit) { () throws(PeerError) in
            try socket.connect(to: target, until: .within(stepLimit))
        }
    }

    /// A peer on a connected stream descriptor (of a socket pair, say), which it takes over and closes.
    public static func adopt(
        _ descriptor: Int32, stepLimit: Duration = defaultStepLimit, script: [PeerStep]
    ) throws -> ScriptedPeer {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let socket = PeerSocket(owning: descriptor, stop: Cue())
        return try run(socket, name: "peer on descriptor \(descriptor)", script, limit: stepLimit)
    }

    static func run(
        _ socket: PeerSocket, name: String, _ script: [PeerStep], limit: Duration,
        first: @escaping @Sendable () throws(PeerError) -> Void = {}
    ) throws(PeerError) -> ScriptedPeer {
        let state = Locked(PeerReport())
        let completion = Completion<PeerReport>()
        let runner = ScriptRunner(socket: socket, name: name, limit: limit, state: state)
        // The thread holds the parts, not the peer: the peer's deinitializer is what stops the thread.
        try spawnThread {
            runner.run(script, first: first)
            socket.close()
            completion.finish(state.withLock { $0 })
        }
        return ScriptedPeer(stop: socket.stop, state: state, completion: completion)
    }

    /// What it has done so far.
    public var progress: PeerReport { state.withLock { $0 } }

    /// The report at the end of the script; throws ``PeerFailure`` if a step failed.
    public func finished() async throws -> PeerReport {
        let report = await completion.value
        if let failure = report.failure { throw failure }
        return report
    }

    /// The report at the end of the script, failed or not.
    public func report() async -> PeerReport { await completion.value }

    /// Ends the script where it is and closes the socket. It counts as finished, not as failed.
    public func stop() { stopCue.give() }
}
