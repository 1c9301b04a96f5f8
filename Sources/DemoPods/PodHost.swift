internal import Base
internal import EventLoop
internal import HTTP

/// The loop's side of ``DemoPods``: who is up, what is open, and where readiness goes.
///
/// Unchecked, since it belongs to the loop's thread: others reach it through `EventLoop.execute` alone. Tokens are
/// never used twice, so an event for something that was closed in the same turn finds nobody.
final class PodHost: @unchecked Sendable {
    private struct Pod {
        var isDown = false
        var standIns: [StandIn] = []
    }

    /// What a token stands for.
    private enum Watched {
        case listener(OpenSockets, podName: String)
        case datagrams(OpenSockets, podName: String)
        case connection(HTTPConnection, podName: String, client: SocketAddress)

        var podName: String {
            switch self {
            case .listener(_, let podName), .datagrams(_, let podName), .connection(_, let podName, _): podName
            }
        }
    }

    /// Datagrams that are answered before others get their turn.
    private static let batch = 64
    /// How long a connection waits for its client to end as well.
    private static let lingerMilliseconds: UInt64 = 2_000

    private let loop: EventLoop
    private var pods: [String: Pod] = [:]
    private var watched: [EventLoop.Token: Watched] = [:]
    private var lastToken: EventLoop.Token = 0
    /// In the order of their deadlines, since all linger equally long.
    private var lingering: [(deadline: UInt64, token: EventLoop.Token)] = []
    private var lingerTimer: Timer?
    private var acceptor: Acceptor?
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init(on loop: EventLoop) {
        self.loop = loop
        // Unowned: the host holds both, and they call only while the loop runs, whose thread holds the host.
        lingerTimer = Timer(on: loop) { [unowned self] in endLingering() }
        acceptor = Acceptor(on: loop) { [unowned self] token in
            guard case .listener(let sockets, _) = watched[token] else { return }
            loop.setListener(sockets.listener, token: token, accepting: true)
        }
    }

    deinit {
        scratch.deallocate()
    }

    /// Closes everything; the loop has ended.
    func end() {
        watched = [:]
        pods = [:]
    }
}

// MARK: - Pods

extension PodHost {
    /// Adds a port to a pod. If the pod is down, the port is too.
    func add(_ standIn: StandIn, _ sockets: OpenSockets) {
        pods[standIn.podName, default: Pod()].standIns.append(standIn)
        if pods[standIn.podName]?.isDown != true { serve(sockets, podName: standIn.podName) }
    }

    private func serve(_ sockets: OpenSockets, podName: String) {
        lastToken += 2
        let (listener, datagrams) = (lastToken - 1, lastToken)
        do throws(SystemError) {
            try loop.watchListener(sockets.listener, token: listener)
            try loop.watch(sockets.datagrams, token: datagrams)
        } catch {
            // Without kernel memory or epoll watches the sockets are closed again, and the pod refuses as if it were
            // down.
            return
        }
        watched[listener] = .listener(sockets, podName: podName)
        watched[datagrams] = .datagrams(sockets, podName: podName)
    }

    /// Forgets the pods that are not in `podNames`. They take nothing new; the connections that they have go on.
    func keep(_ podNames: Set<String>) {
        for name in pods.keys where !podNames.contains(name) {
            pods[name] = nil
            closeSockets(of: name)
        }
    }

    /// Ends a pod as if it had been killed, but lets the connection with the token `spared` finish by itself.
    func goDown(_ podName: String, sparing spared: EventLoop.Token? = nil) {
        pods[podName]?.isDown = true
        closeSockets(of: podName)
        for (token, item) in watched where item.podName == podName && token != spared {
            guard case .connection(let connection, _, _) = item else { continue }
            // An orderly end would tell clients that the answer is complete.
            connection.descriptor.resetOnClose()
            watched[token] = nil
        }
    }

    /// Starts a pod that is down, at its old addresses.
    func comeUp(_ podName: String) {
        guard let pod = pods[podName], pod.isDown else { return }
        pods[podName]?.isDown = false
        for standIn in pod.standIns {
            // The port is reserved, so what can fail is a lack of descriptors: that port stays down.
            guard let sockets = try? standIn.openSockets() else { continue }
            serve(sockets, podName: podName)
        }
    }

    private func closeSockets(of podName: String) {
        for (token, item) in watched where item.podName == podName {
            if case .connection = item { continue }
            watched[token] = nil
        }
    }
}

// MARK: - Readiness

extension PodHost {
    /// The handler of the loop.
    func handle(_ token: EventLoop.Token, _ readiness: Readiness) {
        switch watched[token] {
        case .connection(let connection, let podName, let client): step(connection, token, podName, from: client)
        case .listener(let sockets, let podName):
            acceptor?.accept(from: sockets.listener, token: token) { add($0, from: $1, podName) }
        case .datagrams(let sockets, let podName): answerDatagrams(from: sockets, token, podName)
        case nil: break
        }
    }

    private func add(_ socket: consuming Descriptor, from client: SocketAddress, _ podName: String) {
        lastToken += 1
        let connection = HTTPConnection(socket, headers: PodBehaviour.headers(podName: podName))
        // Without kernel memory for the watch the connection is closed again at once.
        guard (try? loop.watch(connection.descriptor, token: lastToken)) != nil else { return }
        watched[lastToken] = .connection(connection, podName: podName, client: client)
    }

    private func answerDatagrams(from sockets: OpenSockets, _ token: EventLoop.Token, _ podName: String) {
        for _ in 0..<Self.batch {
            switch UDPSocket.receive(from: sockets.datagrams, into: scratch) {
            case .datagram(let count, let sender):
                let datagram = UnsafeRawBufferPointer(rebasing: scratch[..<count])
                let answer = PodBehaviour.answer(datagram: datagram, podName: podName)
                // One that cannot be sent, or is too large with the name in front, is lost, as datagrams may be.
                answer.withUnsafeBytes { _ = UDPSocket.send($0, to: sender, through: sockets.datagrams) }
            case .wouldBlock:
                return
            case .failed:
                continue
            }
        }
        loop.again(token)
    }

    private func step(
        _ connection: HTTPConnection, _ token: EventLoop.Token, _ podName: String, from client: SocketAddress
    ) {
        let verdict = connection.step(scratch) { request in
            let (answer, goesDown) = PodBehaviour.answer(request, podName: podName, client: "\(client)")
            // Before the answer is sent: whoever has read it finds the pod gone.
            if goesDown { goDown(podName, sparing: token) }
            return answer
        }
        switch verdict {
        case .waits: break
        case .yields: loop.again(token)
        case .lingers: linger(token)
        case .finished: watched[token] = nil
        }
    }
}

// MARK: - Lingering

extension PodHost {
    private func linger(_ token: EventLoop.Token) {
        // A client that goes on sending makes it linger again, with the deadline that it has.
        guard !lingering.contains(where: { $0.token == token }) else { return }
        if lingering.isEmpty { lingerTimer?.start(after: Self.lingerMilliseconds) }
        lingering.append((loop.now + Self.lingerMilliseconds, token))
    }

    private func endLingering() {
        let due = lingering.prefix { $0.deadline <= loop.now }
        for item in due { watched[item.token] = nil }
        lingering.removeFirst(due.count)
        if let next = lingering.first { lingerTimer?.start(after: next.deadline - loop.now) }
    }
}
