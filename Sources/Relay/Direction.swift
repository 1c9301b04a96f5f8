internal import EventLoop
internal import Glibc

/// One direction of a TCP relay, source to sink, as a value: it is told what each attempt to move bytes came to, and
/// says what to do next. Descriptors, buffers and pipes exist only where that is carried out.
///
/// Readiness is edge-triggered: `sourceReady` and `sinkReady` are set by an event and stay set until an attempt proves
/// the opposite. So a message costs one read and one write, and nothing is ever registered or unregistered for it.
struct Direction: Equatable {
    enum Phase: UInt8, Equatable {
        /// Nothing is held; bytes are taken from the source as they come.
        case reading
        /// Bytes are held that the sink has not taken yet; the source waits (this is the back-pressure).
        case pending
        /// The source has ended; what is held goes out, then the end is passed on.
        case flushing
        /// The end has been passed on.
        case finished
        /// The source or the sink is broken.
        case failed
    }

    /// What the owner of the descriptors is to do now.
    enum Step: Equatable {
        case wait
        /// Read into the worker's shared buffer and write that to the sink at once.
        case copy
        /// Splice from the source into an empty pipe.
        case fill
        /// Write what is held, from buffer or pipe.
        case flush
        /// Pass the end on.
        case shutdown
    }

    private(set) var phase: Phase = .reading
    /// An event said so, and no read has found the source empty since.
    private(set) var sourceReady: Bool
    /// The sink takes bytes, as far as is known.
    private(set) var sinkReady = true
    /// An event said that the source will send no more: from now on only a read of 0 bytes is the end of it.
    private var sourceDone = false
    /// The last event told of an urgent byte, and no read has found the source empty since. Reads stop before that
    /// byte, so only one that finds nothing means that nothing is there; and splices never pass it.
    private var isUrgent = false
    /// Which side broke, once the phase is `failed`.
    private(set) var sinkFailed = false
    /// The errno of that.
    private(set) var error: Int32 = 0
    /// Bytes taken from the source and not yet given to the sink.
    private(set) var held: Int32 = 0
    private(set) var detector = StreamDetector()
    /// Bytes given to the sink so far.
    private(set) var moved: UInt64 = 0
    /// Bytes among those held that are the relay's own, and do not count.
    private var own: Int32 = 0

    /// - Parameter sourceReady: whether to try a read before any event.
    init(sourceReady: Bool) {
        self.sourceReady = sourceReady
    }

    /// What to do now. `now` is the loop's time in milliseconds.
    @inline(__always)
    mutating func next(at now: UInt64) -> Step {
        switch phase {
        case .reading:
            guard sourceReady else { return .wait }
            return detector.carrier(at: now) == .splice && !isUrgent ? .fill : .copy
        case .pending:
            return sinkReady ? .flush : .wait
        case .flushing:
            guard held > 0 else { return .shutdown }
            return sinkReady ? .flush : .wait
        case .finished, .failed:
            return .wait
        }
    }

    /// Sends `count` bytes of the source's, which somebody else has read from it. They are held already, and this is
    /// the first thing that happens to the direction.
    mutating func begin(with count: Int) {
        held = Int32(count)
        phase = .pending
    }

    /// Sends `count` bytes of the relay's own before anything of the source's. They are held already, before those that
    /// the direction began with; nothing else has happened to it.
    mutating func precede(with count: Int) {
        held += Int32(count)
        own = Int32(count)
        phase = .pending
    }

    /// Nothing has been taken from the source.
    var isUntouched: Bool { phase == .reading && moved == 0 && held == 0 }

    /// There is another sink, which has got nothing. Of what the one before has got, `count` bytes are held again,
    /// before all others; they do not count once more.
    mutating func beginAnew(with count: Int) {
        held += Int32(truncatingIfNeeded: count)
        own += Int32(truncatingIfNeeded: count)
        sinkReady = true
        switch phase {
        case .reading where held > 0: phase = .pending
        case .finished: phase = .flushing
        case .reading, .pending, .flushing, .failed: break
        }
    }

    // MARK: Events

    @inline(__always)
    mutating func sourceHas(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.readable, .peerDone, .hangup, .failed, .urgent]) { sourceReady = true }
        if !readiness.isDisjoint(with: [.peerDone, .hangup, .failed]) { sourceDone = true }
        isUrgent = readiness.contains(.urgent)
    }

    /// The source is broken: all that it will ever give is there. It is read, since a splice might stop at an urgent
    /// byte.
    mutating func sourceBroke() {
        sourceReady = true
        sourceDone = true
        isUrgent = true
    }

    /// There may have been events that nobody was told of. A read is tried, since a splice might stop at an urgent
    /// byte.
    mutating func lookAnew() {
        sourceReady = true
        isUrgent = true
        sinkReady = true
    }

    @inline(__always)
    mutating func sinkHas(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.writable, .hangup, .failed]) { sinkReady = true }
    }

    /// An event said that the sink is broken, which a direction that has nothing to write would not find out.
    ///
    /// - Parameter code: asks the sink for its error. A direction that has ended does not: the other one is to find it.
    mutating func sinkBroke(_ code: () -> Int32) {
        guard phase != .finished, phase != .failed else { return }
        let code = code()
        fail(code == 0 ? ECONNRESET : code, sink: true)
    }

    /// The sink will take nothing more, whether or not anything was left to write to it.
    mutating func sinkIsLost(_ code: Int32) {
        if phase != .failed { fail(code, sink: true) }
    }

    // MARK: Outcomes

    /// A read of at most `capacity` bytes from the source came to this.
    @inline(__always)
    mutating func didRead(_ transfer: Transfer, capacity: Int, at now: UInt64) {
        switch transfer {
        case .moved(let count):
            // A read that leaves room has emptied the socket, and the next byte is a new edge (epoll(7)); but an end
            // that was announced before it gives no further edge, so then the end itself must be read.
            if count < capacity, !sourceDone, !isUrgent { sourceReady = false }
            detector.copied(count, of: capacity, at: now)
            hold(count)
        case .end: phase = .flushing
        case .wouldBlock:
            sourceReady = false
            isUrgent = false
        case .failed(let code): fail(code, sink: false)
        }
    }

    /// A splice from the source into the pipe came to this.
    @inline(__always)
    mutating func didFill(_ transfer: Transfer, at now: UInt64) {
        switch transfer {
        case .moved(let count):
            detector.spliced(count, at: now)
            hold(count)
        case .end:
            // Or an urgent byte with the end somewhere behind it: a read can tell.
            detector.refused()
        case .wouldBlock:
            // With bytes in the pipe it may be the pipe that is full and not the socket that is empty: flush, and ask
            // again.
            if held == 0 { sourceReady = false }
        case .failed(let code): fail(code, sink: false)
        }
    }

    /// A write of what is held, from a buffer, came to this.
    @inline(__always)
    mutating func didWrite(_ transfer: Transfer) {
        // A short write means that the socket's buffer is full; room in it will be a new edge.
        if case .moved(let count) = transfer, count < Int(held) { sinkReady = false }
        delivered(transfer)
    }

    /// A splice of what is held, from the pipe, came to this. A short one says nothing about the sink: it may have
    /// ended at a boundary inside the pipe.
    @inline(__always)
    mutating func didDrain(_ transfer: Transfer) {
        delivered(transfer)
    }

    mutating func didShutdown() {
        phase = .finished
    }

    /// No pipe is to be had: go on copying.
    mutating func cannotSplice() {
        detector.refused()
    }

    @inline(__always)
    private mutating func hold(_ count: Int) {
        held += Int32(truncatingIfNeeded: count)
        phase = .pending
    }

    @inline(__always)
    private mutating func delivered(_ transfer: Transfer) {
        switch transfer {
        case .moved(let count):
            held -= Int32(truncatingIfNeeded: count)
            moved += UInt64(count)
            if own > 0 { discount(count) }
            if held == 0, phase == .pending { phase = .reading }
        case .wouldBlock: sinkReady = false
        // A write never reports an end; a sink that takes nothing is as good as broken.
        case .end: fail(EPIPE, sink: true)
        case .failed(let code): fail(code, sink: true)
        }
    }

    private mutating func discount(_ count: Int) {
        let part = min(own, Int32(truncatingIfNeeded: count))
        own -= part
        moved -= UInt64(part)
    }

    private mutating func fail(_ code: Int32, sink: Bool) {
        phase = .failed
        error = code
        sinkFailed = sink
    }
}

extension Direction {
    /// The end has arrived and everything before it was delivered: only the shutdown itself is missing, if anything.
    var isDone: Bool {
        phase == .finished || (phase == .flushing && held == 0)
    }

    /// The opposite direction need not pass on its end any more: the connection ends here, and closing its sockets says
    /// it.
    ///
    /// When this direction is done, that is the same in one call less. When it has failed, what looks like an end there
    /// may be the rest of the failure, of which a socket tells only the first call, and a reset is right. Not after
    /// EPIPE: then the peer had ended its stream before it broke the connection.
    var saysItByClosing: Bool {
        isDone || (phase == .failed && error != EPIPE)
    }
}
