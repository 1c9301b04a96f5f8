internal import Balancing
internal import Base
internal import EventLoop

/// Trying ejected endpoints again without a client: a bare connect, now and then, until one succeeds or the endpoint is no
/// longer one. So a dead endpoint costs one client one attempt, and a live one is never left out for long.
///
/// The worker whose client found the endpoint dead is the one that probes it, for all workers, until it is pardoned. If it is
/// found dead again after that, all begins anew, and what the last one had come to does not matter any more.
struct Probe: ~Copyable {
    let endpoint: Endpoint
    let port: PortState
    /// Which of the endpoint's probings this is.
    let turn: Endpoint.Probing
    /// The connect under way, if any.
    var socket = Descriptor.none
    /// When the next step is due: an attempt to begin, or the one under way to fail. Milliseconds of the loop's time.
    var due: UInt64
    /// The pause after the next failure.
    var pause = Probe.firstPause * 2

    /// Milliseconds until the first attempt; each pause is twice the one before, up to the longest.
    static let firstPause: UInt64 = 1000
    static let longestPause: UInt64 = 30_000

    static func pause(after pause: UInt64) -> UInt64 { min(pause * 2, longestPause) }

    /// What a client's first attempt is given: whoever needs more is not ready for clients.
    static let limit = DialAttempts.timeouts.first ?? 250
    /// Connects under way at one time in one worker; with a whole node gone there may be hundreds to be made.
    static let mostAtOnce = 32

    init(_ endpoint: Endpoint, _ port: PortState, _ turn: Endpoint.Probing, due: UInt64) {
        self.endpoint = endpoint
        self.port = port
        self.turn = turn
        self.due = due
    }
}

extension Worker {
    /// A client found the endpoint dead: others take its place until it answers again.
    func eject(_ endpoint: Endpoint, of port: PortState) {
        if endpoint.eject() {
            port.counters.pointee.ejections.add()
            report(.endpointEjected(port.id, endpoint))
        }
        probe(endpoint, of: port)
    }

    /// The endpoint works.
    @inline(__always)
    func pardon(_ endpoint: Endpoint, of port: PortState) {
        guard endpoint.pardon() else { return }
        // Another worker may have ejected it again before it could see that nobody probes it any more.
        defer { probe(endpoint, of: port) }
        port.counters.pointee.readmissions.add()
        report(.endpointReadmitted(port.id, endpoint))
    }

    private func probe(_ endpoint: Endpoint, of port: PortState) {
        guard let turn = endpoint.startProbing() else { return }
        let due = loop.now + Probe.firstPause
        // One of an earlier time may still wait for its end.
        if let id = probeIDs[ObjectIdentifier(endpoint)] { removeProbe(id) }
        probeIDs[ObjectIdentifier(endpoint)] = probes.insert(Probe(endpoint, port, turn, due: due))
        armProbes(for: due)
    }

    /// Something happened on the socket of a probe.
    func probeEvent(_ id: Slab<Probe>.ID) {
        guard let probe = probes.find(id), probe.pointee.socket.isOpen else { return }
        switch dialState(of: probe.pointee.socket, to: probe.pointee.endpoint) {
        case .pending: return
        case .connected: probeSucceeded(id, probe)
        case .failed: probeFailed(probe)
        }
    }

    /// As with clients' attempts, the socket may know more than the events that were seen to.
    func probeIsDue(_ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>) {
        guard probe.pointee.socket.isOpen else { return beginProbe(id, probe) }
        if dialState(of: probe.pointee.socket, to: probe.pointee.endpoint) == .connected {
            probeSucceeded(id, probe)
        } else {
            probeFailed(probe)
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
            probe.pointee.due = loop.now + Probe.limit
            return
        }
        do throws(SystemError) {
            probe.pointee.socket = try TCPSocket.dial(SocketAddress(probe.pointee.endpoint.dialAddress))
            probing += 1
            probe.pointee.due = loop.now + Probe.limit
            // Its present state is reported too, so a connect that stands already needs no case of its own.
            let token = Token(.probe, index: id.index, generation: id.generation)
            try loop.watch(probe.pointee.socket, token: token.raw)
        } catch {
            probeFailed(probe)
        }
    }

    private func probeSucceeded(_ id: Slab<Probe>.ID, _ probe: UnsafeMutablePointer<Probe>) {
        announceProbe(probe)
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
        guard probe.pointee.socket.isOpen else { return }
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
