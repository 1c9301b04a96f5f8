public import Base
public import EventLoop

/// Small pods on loopback, inside the process, that stand in for pods of a manifest.
///
/// A manifest names pods such as nginx1 at 10.244.2.3:80, and no laptop has such an address.
/// ``standIn(podName:address:)`` gives each of them a place at 127.0.0.1 where something answers with the pod's name:
///
/// * `GET` and `HEAD` of any path: the name and a line feed; the header `X-Pod` has the name in every answer;
/// * `GET /client`: the address that the connection comes from;
/// * `POST /echo`: the body, up to 1 MiB;
/// * `POST /down`: `NAME goes down`, and the pod is gone as if it had been killed: its connections are reset and new
///   ones refused, on all its ports. It stays so until ``up(podName:)``, or until it was gone from the manifest and
///   came back;
/// * a datagram to the same port: the name, a colon, a space and the datagram.
///
/// It is HTTP/1.1 with persistent and pipelined requests, no more: chunked bodies get status 411.
///
/// Everything is served by one event loop on a thread of its own. All methods may be called from any thread; none
/// blocks for longer than it takes to open sockets, except ``shutdown()``. The object owns the thread and the sockets,
/// and shuts down when it goes.
public final class DemoPods: Sendable {
    /// One port of one pod, as the manifest has it.
    private struct Key: Hashable {
        let podName: String
        let address: String
    }

    private struct State {
        var addresses: [Key: SocketAddress] = [:]
        var isShutDown = false
    }

    private let loop: EventLoop
    private let host: PodHost
    private let thread: LoopThread
    /// Work is given to the loop while this is locked, so that it runs in the order in which it was asked for, and none
    /// runs after the end.
    private let state = Guarded(State())

    private let ceiling: Int

    /// Starts the thread; no pod yet.
    ///
    /// - Parameter ceiling: sockets whose descriptor has this number or a higher one are not opened. The kernel gives
    ///   the lowest number that is free.
    public init(ceiling: Int = .max) throws(SystemError) {
        self.ceiling = ceiling
        let loop = try EventLoop()
        let host = PodHost(on: loop)
        thread = try LoopThread(name: "demo pods") {
            _ = loop.run { host.handle($0, $1) }
            host.end()
        }
        self.loop = loop
        self.host = host
    }

    deinit {
        shutdown()
    }

    /// Where the stand-in for a pod's port listens; it is started if there is none.
    ///
    /// The answer does not change for as long as the pod is kept, be it up or down.
    ///
    /// - Parameters:
    ///   - podName: whom it plays: what it answers with, and what ``update(keeping:)`` and the others go by.
    ///   - address: where the manifest has the port, for example `10.244.2.3:80`. Only tells ports apart.
    /// - Returns: 127.0.0.1 and a port, for TCP and UDP.
    /// - Throws: ``SystemError`` when sockets are refused (`EMFILE`), or `ECANCELED` after ``shutdown()``.
    public func standIn(podName: String, address: String) throws(SystemError) -> SocketAddress {
        let key = Key(podName: podName, address: address)
        return try state.withLock { (state) throws(SystemError) in
            if let known = state.addresses[key] { return known }
            guard !state.isShutDown else { throw SystemError.isShutDown(podName) }
            let (standIn, sockets) = try StandIn.open(podName: podName, below: ceiling)
            loop.execute { [host] in host.add(standIn, sockets) }
            state.addresses[key] = standIn.address
            return standIn.address
        }
    }

    /// Starts a pod's port where the pod itself would have it: at an address of this machine.
    ///
    /// - Throws: ``SystemError`` if the address is not to be had.
    public func serve(podName: String, at address: SocketAddress) throws(SystemError) {
        try state.withLock { (state) throws(SystemError) in
            guard !state.isShutDown else { throw SystemError.isShutDown(podName) }
            let (standIn, sockets) = try StandIn.open(podName: podName, at: address)
            loop.execute { [host] in host.add(standIn, sockets) }
            state.addresses[Key(podName: podName, address: address.description)] = standIn.address
        }
    }

    /// Forgets all pods but these. They listen no longer, connections that they have go on; if they come back, they
    /// come back up, at another place.
    public func update(keeping podNames: Set<String>) {
        state.withLock { state in
            state.addresses = state.addresses.filter { podNames.contains($0.key.podName) }
            tell { $0.keep(podNames) }
        }
    }

    /// Ends a pod as `POST /down` does. Takes effect soon after the call.
    public func down(podName: String) {
        state.withLock { _ in tell { $0.goDown(podName) } }
    }

    /// Starts a pod that went down, where it was. Takes effect soon after the call.
    public func up(podName: String) {
        state.withLock { _ in tell { $0.comeUp(podName) } }
    }

    /// Ends all pods and their connections, and returns when every socket is closed. Idempotent.
    public func shutdown() {
        state.withLock { state in
            state.isShutDown = true
            state.addresses = [:]
            loop.stop()
            // Locked all the while: a second caller waits too. The thread itself never takes this lock.
            thread.join()
        }
    }

    private func tell(_ work: @escaping @Sendable (PodHost) -> Void) {
        loop.execute { [host] in work(host) }
    }
}

extension SystemError {
    fileprivate static func isShutDown(_ podName: String) -> SystemError {
        SystemError("start the demo pod", podName, code: SystemError.canceled)
    }
}
