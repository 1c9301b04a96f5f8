internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc

/// Trying ejected endpoints again without a client: a bare connect, now and then, until one succeeds or the endpoint is
/// no longer one. So a dead endpoint costs one client one attempt, and a live one is never left out for long.
///
/// That it can be connected to does not say that it works: it may accept and reset at once, or come and go. If it fails
/// again before it has shown more (``Endpoint/prove(since:)``), the waits are twice as long each time, and a connect
/// has to stand for a while to count.
///
/// The worker whose client found the endpoint dead is the one that probes it, for all workers, until it is pardoned. If
/// it is found dead again after that, all begins anew, and what the last one had come to does not matter any more.
struct Probe: ~Copyable {
    let endpoint: Endpoint
    let port: PortState
    /// Which of the endpoint's probings this is.
    let turn: Endpoint.Probing
    /// An attempt is under way, and its socket, as soon as there is one.
    var isUnderWay = false
    var socket = Descriptor.none
    /// Attempts begun; the last bits tell one from the next.
    var attempts: UInt8 = 0
    /// When the next step is due: an attempt to begin, or the one under way to fail. Milliseconds of the loop's time.
    var due: UInt64
    /// The pause after the next failure.
    var pause: UInt64
    /// The connection stands, and has to for a while.
    var isStanding = false

    /// Milliseconds until the first attempt; each pause is twice the one before, up to the longest.
    static let firstPause: UInt64 = 1000
    static let longestPause: UInt64 = 30_000

    static func pause(after pause: UInt64) -> UInt64 { min(pause * 2, longestPause) }

    /// The wait for the first attempt after so many failures in a row.
    static func firstPause(after failures: Int) -> UInt64 {
        (1..<max(1, min(failures, 10))).reduce(firstPause) { wait, _ in pause(after: wait) }
    }

    /// How long a connect to an endpoint that has relapsed has to stand, in milliseconds.
    static let trial: UInt64 = 250

    /// The same for one by a tunnel, which a pod's refusal takes a while to come through.
    static let trialOfTunnel: UInt64 = 2500

    /// How long to wait when as many are under way as may be, in milliseconds.
    static let crowdPause: UInt64 = 250
    /// Attempts under way at one time in one worker; with a whole node gone there may be hundreds to be made.
    static let mostAtOnce = 32

    init(_ endpoint: Endpoint, _ port: PortState, _ turn: Endpoint.Probing, now: UInt64) {
        self.endpoint = endpoint
        self.port = port
        self.turn = turn
        let wait = Self.firstPause(after: endpoint.failuresInARow)
        due = now + wait
        pause = Self.pause(after: wait)
    }
}

extension Worker {
    /// A client found the endpoint dead: others take its place until it answers again.
    func eject(_ endpoint: Endpoint, of port: PortState) {
        if endpoint.eject(at: loop.now) {
            port.counters.pointee.ejections.add()
            report(.endpointEjected(port.id, endpoint))
        }
        probe(endpoint, of: port)
    }

    /// A client has been connected to the endpoint. If it was ejected, that is good news, but for one that has
    /// relapsed.
    @inline(__always)
    func reached(_ endpoint: Endpoint, of port: PortState) {
        if !endpoint.hasRelapsed { pardon(endpoint, of: port) }
    }

    /// A connection that was opened at the time `beginning` has shown that the endpoint works.
    @inline(__always)
    func proved(_ endpoint: Endpoint, of port: PortState, since beginning: UInt64) {
        if endpoint.prove(since: beginning) { pardon(endpoint, of: port) }
    }

    /// The endpoint is used again.
    @inline(__always)
    func pardon(_ endpoint: Endpoint, of port: PortState) {
        guard endpoint.pardon(at: loop.now) else { return }
        // Another worker may have ejected it again before it could see that nobody probes it any more.
        defer { probe(endpoint, of: port) }
        port.counters.pointee.readmissions.add()
        report(.endpointReadmitted(port.id, endpoint))
    }

    private func probe(_ endpoint: Endpoint, of port: PortState) {
        guard let turn = endpoint.startProbing() else { return }
        // One of an earlier time may still wait for its end.
        if let id = probeIDs[ObjectIdentifier(endpoint)] { removeProbe(id) }
        let probe = Probe(endpoint, port, turn, now: loop.now)
        armProbes(for: probe.due)
        probeIDs[ObjectIdentifier(endpoint)] = probes.insert(probe)
    }

    /// Something happened on the socket of a probe.
    func probeEvent(_ id: Slab<Probe>.ID) {
        guard let probe = probes.find(id), probe.pointee.socket.isOpen else { return }
        probeEnded(id, probe, dialState(of: probe.pointee.socket, to: probe.pointee.endpoint))
    }

    /// As with clients' attempts, the socket may know more than the events that were seen to.
    func probeIsDue(_ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>) {
        guard probe.pointee.isUnderWay else { return beginProbe(id, probe) }
        let state = dialState(of: probe.pointee.socket, to: probe.pointee.endpoint)
        probeEnded(id, probe, state == .pending ? .failed(ETIMEDOUT) : state)
    }

    /// The attempt under way has come to its end, unless it is still pending.
    func probeEnded(
        _ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>, _ state: TCPSocket.DialState
    ) {
        switch state {
        case .pending: return
        case .connected:
            // Nor is it one that a tunnel was delivered.
            let mayBeTakenBack = kind(of: probe.pointee.endpoint, of: probe.pointee.port).isTunnel
            guard probe.pointee.endpoint.hasRelapsed || mayBeTakenBack else { return probeSucceeded(id, probe) }
            guard probe.pointee.isStanding, probe.pointee.due <= loop.now else { return letStand(probe) }
            // An end is what a client would have got, unless the endpoint has said something before, or ends what it
            // has been told is none of a client's.
            let looksLikeClient = probe.pointee.port.route.policy.proxyProtocol == nil
            if looksLikeClient, probe.pointee.socket.isAtEnd() { probeFailed(probe) } else { probeSucceeded(id, probe) }
        case .failed: probeFailed(probe)
        }
    }

    /// Takes the next step of every probe that is due.
    func probesAreDue() {
        probesArmed = 0
        for id in probes.ids {
            guard let probe = probes.find(id) else { continue }
            // A client may have had more luck, or the endpoint may have left.
            guard probe.pointee.endpoint.needsProbing(by: probe.pointee.turn) else {
                endProbe(id, probe)
                continue
            }
            guard probe.pointee.due <= loop.now else { continue }
            probeIsDue(id, probe)
        }
        if let earliest = probes.ids.lazy.map({ self.probes[$0.index].pointee.due }).min() { armProbes(for: earliest) }
    }

    private func beginProbe(_ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>) {
        guard probing < Probe.mostAtOnce else {
            probe.pointee.due = loop.now + Probe.crowdPause
            return
        }
        let (endpoint, port) = (probe.pointee.endpoint, probe.pointee.port)
        probe.pointee.attempts &+= 1
        probe.pointee.isUnderWay = true
        probing += 1
        probe.pointee.due = loop.now + DialKind.limits[kind(of: endpoint, of: port).limit(ofAttempt: 1)]
        let token = Token(.probe, index: id.index, generation: id.generation, attempt: probe.pointee.attempts)
        do throws(SystemError) {
            let state = try begin(token, to: endpoint, of: port, for: nil, &probe.pointee.socket)
            if state == .pending, probe.pointee.socket.isOpen {
                try loop.watch(probe.pointee.socket, token: token.raw)
            }
            probeEnded(id, probe, state)
        } catch {
            probeFailed(probe)
        }
    }

    /// The connection has to last.
    private func letStand(_ probe: UnsafeMutablePointer<Probe>) {
        guard !probe.pointee.isStanding else { return }
        probe.pointee.isStanding = true
        announceProbe(probe)
        let isTunnel = kind(of: probe.pointee.endpoint, of: probe.pointee.port).isTunnel
        probe.pointee.due = loop.now + (isTunnel ? Probe.trialOfTunnel : Probe.trial)
        armProbes(for: probe.pointee.due)
    }

    private func probeSucceeded(_ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>) {
        if !probe.pointee.isStanding { announceProbe(probe) }
        pardon(probe.pointee.endpoint, of: probe.pointee.port)
        endProbe(id, probe)
    }

    private func probeFailed(_ probe: UnsafeMutablePointer<Probe>) {
        closeProbe(probe)
        probe.pointee.due = loop.now + probe.pointee.pause
        probe.pointee.pause = Probe.pause(after: probe.pointee.pause)
        armProbes(for: probe.pointee.due)
    }

    private func closeProbe(_ probe: UnsafeMutablePointer<Probe>) {
        guard probe.pointee.isUnderWay else { return }
        probe.pointee.isUnderWay = false
        probe.pointee.isStanding = false
        probe.pointee.socket = .none
        probing -= 1
    }

    private func endProbe(_ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>) {
        let (endpoint, port, turn) = (probe.pointee.endpoint, probe.pointee.port, probe.pointee.turn)
        removeProbe(id)
        endpoint.stopProbing(turn)
        // It may have been ejected anew in the meantime, by a worker that saw that it was being probed.
        self.probe(endpoint, of: port)
    }

    private func removeProbe(_ id: Slab<Probe>.ID) {
        guard let probe = probes.find(id) else { return }
        closeProbe(probe)
        probeIDs[ObjectIdentifier(probe.pointee.endpoint)] = nil
        probes.remove(id)
    }

    private func armProbes(for due: UInt64) {
        guard probesArmed == 0 || due < probesArmed else { return }
        probesArmed = due
        probeTimer?.start(after: due > loop.now ? due - loop.now : 0)
    }
}
