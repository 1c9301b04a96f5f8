internal import Balancing
internal import Base
internal import EventLoop

/// One event loop on one thread, with everything that its connections need. What workers share is in the
/// ``ServiceRoute``s, atomic or behind short locks; whoever wants something of a worker goes through
/// ``EventLoop/execute(_:)``.
///
/// Unchecked, since its own thread alone touches what is stored here, but for ``load`` and ``counters``, which are
/// atomic, and ``finalStatus``, which is read after the thread's end.
///
/// This file is the table of contents: what a worker owns, and where its events go. Accepting, dialling, relaying and
/// ending connections are extensions, in the order in which a connection meets them.
final class Worker: @unchecked Sendable {
    /// Bytes read at once, and copied, through the buffer that all connections of the worker share.
    static let bufferSize = 64 * 1024

    let loop: EventLoop
    let configuration: RelayConfiguration
    let report: @Sendable (RelayEvent) -> Void
    /// Which of the relay's workers it is; the first one also does what one worker does for all.
    let index: Int
    /// This worker's part of the budget.
    var supplies: Supplies
    let mostFlows: Int
    /// Listening sockets of the relay, which are as many connections less.
    let listening: ListeningCount
    /// From here on ports may be the kernel's choice for a connection, and an endpoint's port be this machine's own.
    let firstChosenPort = TCPSocket.firstChosenPort

    /// The other workers; set before the thread starts, and let go of at its end.
    var colleagues: [Worker] = []
    var nextColleague = 0
    let load = WorkerLoad()

    var ports: [ServicePortID: PortState] = [:]
    /// Those with clients that wait for an endpoint, maybe some whose last one has just stopped.
    var portsWithWaiting = PortGroup()
    /// Those with clients that others have accepted and for whom there is no room yet, maybe some whose last one has
    /// just got it.
    var portsWithGuests = PortGroup()
    /// How many clients that are.
    var guestCount = 0
    /// Those with UDP flows.
    var portsWithFlows = PortGroup()
    /// Those with session affinity; in the first worker alone.
    var portsWithAffinity = PortGroup()
    var listeners: [UInt32: Listener] = [:]
    var connections = Slab<Connection>()
    /// Attempts that have failed, by where in the slab their connection is: only where connections are reported, and of few.
    var failedAttempts: [UInt: [DialFailure]] = [:]
    var datagrams: DatagramState
    let buffer: UnsafeMutableRawBufferPointer
    var pipes: PipePool
    let counters = WorkerCells()

    var deadlines: Deadlines
    var deadlineTimer: Timer?
    /// When that timer is set to fire; 0 if it is not.
    var deadlineArmed: UInt64 = 0

    /// Looks for silent flows, while there are any.
    var sweepTimer: Timer?
    /// When that timer was set; 0 if it is not.
    var sweepSet: UInt64 = 0

    /// Ejected endpoints that this worker tries again.
    var probes = Slab<Probe>()
    var probeIDs: [ObjectIdentifier: Slab<Probe>.ID] = [:]
    /// Connects of theirs that are under way.
    var probing = 0
    var probeTimer: Timer?
    /// When that timer is set to fire; 0 if it is not.
    var probesArmed: UInt64 = 0

    /// Ends the waits of clients for an endpoint.
    var holdTimer: Timer?
    /// When that timer is set to fire; 0 if it is not.
    var holdsArmed: UInt64 = 0

    /// Looks for clients whose session affinity has expired.
    var pinTimer: Timer?
    var sweepingPins = false
    /// Service ports that are still to be looked at in the present round.
    var pinsToSweep: [PortState] = []

    /// Asks whose clients are; nil if everybody's are served.
    var gate: PeerGate?

    var pressure: AcceptPressure
    var pressureTimer: Timer?
    /// When that timer is set to fire; 0 if it is not.
    var pressureArmed: UInt64 = 0

    /// Listeners that are to be closed as soon as who waits there is served.
    var closing = 0
    /// Whom to tell when there are none of those any more.
    var settled: [() -> Void] = []

    /// Another process has the doors.
    var hasLetGo = false
    /// Whom to tell when the last connection has ended and the last answer has been given.
    var drained: [() -> Void] = []
    var isDraining = false
    /// Looks whether UDP clients are still owed answers, while draining.
    var drainTimer: Timer?
    /// What ``EventLoop/run(_:)`` returned; read after the thread was joined.
    private(set) var finalStatus: Int32 = 0

    init(
        index: Int = 0, configuration: RelayConfiguration, listening: ListeningCount = ListeningCount(),
        report: @escaping @Sendable (RelayEvent) -> Void
    ) throws(SystemError) {
        self.index = index
        self.configuration = configuration
        self.listening = listening
        self.report = report
        self.loop = try EventLoop()
        let workers = configuration.workers
        supplies = Supplies(
            connections: max(1, configuration.budget.connections / workers),
            dials: max(1, configuration.budget.dials / workers))
        pressure = AcceptPressure(ceiling: configuration.descriptorCeiling)
        if let peers = configuration.peers { gate = try PeerGate(peers) }
        mostFlows = max(1, configuration.budget.flows / workers)
        datagrams = try DatagramState()
        pipes = PipePool(limit: configuration.budget.pipes / workers, ceiling: configuration.descriptorCeiling)
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 4096)
        deadlines = Deadlines(
            dials: DialKind.limits, halfOpen: configuration.halfOpenLimit, youth: configuration.youth,
            delivery: Self.deliveryInterval)
        // Unowned: the worker holds its timers, and they fire only within run(), whose caller holds the worker.
        deadlineTimer = Timer(on: loop) { [unowned self] in deadlinesAreDue() }
        pressureTimer = Timer(on: loop) { [unowned self] in pausesAreOver() }
        sweepTimer = Timer(on: loop) { [unowned self] in sweep(at: loop.now) }
        probeTimer = Timer(on: loop) { [unowned self] in probesAreDue() }
        holdTimer = Timer(on: loop) { [unowned self] in holdsAreDue() }
        pinTimer = Timer(on: loop) { [unowned self] in sweepPins() }
        drainTimer = Timer(on: loop) { [unowned self] in goOnDraining() }
    }

    deinit {
        buffer.deallocate()
    }

    /// Runs the worker on the calling thread until its loop is stopped.
    func run() {
        finalStatus = loop.run { [unowned self] token, readiness in
            handle(token, readiness)
        }
        for done in settled { done() }
        settled = []
        colleagues = []
        listeners = [:]
        for port in portsWithGuests.visit() { turnGuestsAway(of: port) }
        for id in connections.ids { connections.remove(id) }
        for id in datagrams.flows.ids { datagrams.flows.remove(id) }
        for id in probes.ids { probes.remove(id) }
    }

    /// The connections that this worker may have beside the listeners that there are now.
    var connectionCapacity: Int {
        max(1, configuration.budget.connections(beside: listening.current) / configuration.workers)
    }

    @inline(__always)
    private func handle(_ raw: EventLoop.Token, _ readiness: Readiness) {
        guard let token = Token(raw) else { return }
        switch token.kind {
        case .listener:
            guard let listener = listeners[token.index] else { return }
            guard listener.isWatched, listener.pause == .none else { return }
            if listener.port.id.transport == .udp { receive(from: listener) } else { accept(from: listener) }
        case .client:
            guard let connection = connections.find(token.connection) else { return }
            clientEvent(token.connection, connection, readiness)
        case .endpoint:
            guard let connection = connections.find(token.connection), connection.pointee.attempts & 3 == token.attempt
            else { return }
            endpointEvent(token.connection, connection, readiness)
        case .resume:
            guard let connection = connections.find(token.connection) else { return }
            relay(token.connection, connection, on: .turn)
        case .flow:
            flowEvent(Slab<Flow>.ID(index: token.index, generation: token.generation))
        case .closing:
            goOnClosing(token.index)
        case .probe:
            probeEvent(Slab<Probe>.ID(index: token.index, generation: token.generation))
        }
    }

    @inline(__always)
    private func clientEvent(
        _ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>, _ readiness: Readiness
    ) {
        connection.pointee.lastActive = loop.now
        connection.pointee.up.sourceHas(readiness)
        connection.pointee.down.sinkHas(readiness)
        if connection.pointee.isEstablished {
            if readiness.contains(.failed) { clientBroke(id, connection) } else { relay(id, connection) }
        } else if hasGivenUp(connection, readiness) {
            end(id, .abandoned)
        }
    }

    @inline(__always)
    private func endpointEvent(
        _ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>, _ readiness: Readiness
    ) {
        guard connection.pointee.isEstablished else {
            return dialEvent(id, connection, readiness)
        }
        connection.pointee.lastActive = loop.now
        connection.pointee.down.sourceHas(readiness)
        connection.pointee.up.sinkHas(readiness)
        if readiness.contains(.failed) { endpointBroke(id, connection) } else { relay(id, connection) }
    }
}
