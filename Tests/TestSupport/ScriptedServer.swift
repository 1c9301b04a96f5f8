internal import Glibc

/// A TCP server on a loopback port whose connections each follow a script: a stand-in for a pod.
///
/// It stops, and closes its listener and every connection, when ``stop()`` is called or the object goes.
///
///     let pod = try ScriptedServer.echo(identity: "pod-a")
///     let client = try ScriptedPeer.connect(to: pod.port, script: [.expect("pod-a"), .send("x"), .expect("x")])
public final class ScriptedServer: Sendable {
    public let host: String
    public let port: UInt16
    private let stopCue: Cue
    private let accepting: Completion<Void>
    private let peers: Locked<[ScriptedPeer]>

    /// - Parameters:
    ///   - host: the address to listen on; any of 127.0.0.0/8, or `::1`.
    ///   - port: 0 takes a free one.
    ///   - options: set on the listener, so that each connection has them from its first byte.
    ///   - scripts: the script of the connection with this index, counted from 0 in the order of acceptance.
    public init(
        on host: String = "127.0.0.1", port: UInt16 = 0, backlog: Int32 = 4096, options: SocketOptions = .default,
        stepLimit: Duration = ScriptedPeer.defaultStepLimit, scripts: @escaping @Sendable (Int) -> [PeerStep]
    ) throws {
        let stop = Cue()
        let address = try SocketAddress(host, port)
        let listener = try PeerSocket(SOCK_STREAM, family: address.family, options: options, stop: stop)
        listener.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        try listener.bind(to: address)
        try listener.listen(backlog: backlog)
        let local = try SocketAddress.local(of: listener)
        let peers = Locked<[ScriptedPeer]>([])
        let accepting = Completion<Void>()

        // As with peers, the thread holds the parts and not the server, whose deinitializer stops it.
        try spawnThread {
            while let socket = try? listener.accept(stop: Cue(), until: .within(.seconds(3600))) {
                // Counted before its script starts, so that a test that sees the script's effect sees the count too.
                peers.withLock { peers in
                    let name = "connection \(peers.count) of \(local)"
                    let script = scripts(peers.count)
                    if let peer = try? ScriptedPeer.run(socket, name: name, script, limit: stepLimit) {
                        peers.append(peer)
                    }
                }
            }
            listener.close()
            accepting.finish(())
        }
        self.host = local.host
        self.port = local.port
        (stopCue, self.accepting, self.peers) = (stop, accepting, peers)
    }

    /// Every connection follows the same script.
    public convenience init(
        on host: String = "127.0.0.1", port: UInt16 = 0, backlog: Int32 = 4096, options: SocketOptions = .default,
        stepLimit: Duration = ScriptedPeer.defaultStepLimit, script: [PeerStep]
    ) throws {
        try self.init(on: host, port: port, backlog: backlog, options: options, stepLimit: stepLimit) { _ in script }
    }

    deinit { stopCue.give() }

    /// How many connections it has accepted.
    public var accepted: Int { peers.withLock { $0.count } }

    /// The connections in the order of acceptance.
    public var connections: [ScriptedPeer] { peers.withLock { $0 } }

    /// The connection with this index, waiting for it to be accepted.
    public func connection(_ index: Int, within limit: Duration = .seconds(10)) async throws -> ScriptedPeer {
        guard await eventually(within: limit, { accepted > index }) else {
            throw PeerError.timedOut("connection \(index) of \(host):\(port)")
        }
        return connections[index]
    }

    /// The bytes of all connections so far.
    public var received: Int { connections.reduce(0) { $0 + $1.progress.received.count } }

    /// Stops accepting, stops every connection where it is, and returns when all sockets are closed. From then on the
    /// port refuses connections.
    public func stop() async {
        stopCue.give()
        await accepting.value
        let peers = connections
        for peer in peers { peer.stop() }
        for peer in peers { _ = await peer.report() }
    }
}

// MARK: - Usual servers

extension ScriptedServer {
    /// Sends back what it receives; with an identity it first says who it is.
    public static func echo(identity: String? = nil, on host: String = "127.0.0.1") throws -> ScriptedServer {
        try ScriptedServer(on: host, script: (identity.map { [.send($0)] } ?? []) + [.echo])
    }

    /// Says who it is at once, ends its direction and reads until the client ends too.
    public static func identity(_ name: String, on host: String = "127.0.0.1") throws -> ScriptedServer {
        try ScriptedServer(on: host, script: [.send(name), .shutdownWrite, .receiveAll])
    }

    /// Answers HTTP requests with `body`.
    public static func http(_ body: String, on host: String = "127.0.0.1") throws -> ScriptedServer {
        try ScriptedServer(on: host, script: [.answerHTTP(body)])
    }

    /// Accepts connections and never reads from them.
    public static func neverReading(
        on host: String = "127.0.0.1", options: SocketOptions = .default
    ) throws -> ScriptedServer {
        try ScriptedServer(on: host, options: options, script: [.neverRead])
    }
}
