public import Base
internal import CLibuv
internal import CLinux
internal import Synchronization

/// One thread's event loop: libuv for timers, signals and wake-ups, and one epoll set for the sockets of the data
/// plane.
///
/// The loop waits in its own epoll set, which also holds libuv's backend descriptor; libuv is run, without blocking,
/// when that descriptor or one of its timers is due. So there is one wait per wake-up, and sockets are registered once,
/// edge-triggered, instead of paying libuv's two `epoll_ctl` calls for every change of interest.
///
/// Descriptors are named by tokens, and every event of the loop goes to the one handler given to ``run(_:)``: there is
/// no closure and no object per descriptor. A token should hold a generation number, since an event for a descriptor
/// that was closed earlier in the same turn may still be delivered.
///
/// Threads: everything but ``execute(_:)`` and ``stop()`` belongs to the thread that calls ``run(_:)``; before that
/// call it may be used by the thread that made the loop. Unchecked, since that is a rule for callers; what those two
/// methods touch is locked or atomic.
public final class EventLoop: @unchecked Sendable {
    public typealias Token = UInt64
    public typealias Handler = (Token, Readiness) -> Void

    /// Reserved for libuv's own descriptor.
    private static let libuvToken: Token = .max
    /// Enough for all descriptors that are ready at one time on a busy machine; what does not fit is reported a turn
    /// later.
    private static let eventsPerWait: Int32 = 512
    /// Nanoseconds. Batches of a turn that has lasted for so long end early, and queued work has at least so much of a
    /// turn.
    private static let share: UInt64 = 2_000_000

    let uv: UnsafeMutablePointer<uv_loop_t>
    private let wakeUp: UnsafeMutablePointer<uv_async_t>
    private let inbox = Inbox()
    private let readiness: ReadinessSet
    private let stopping = Atomic<Bool>(false)
    /// libuv's loop is closed: nothing may be attached to it any more.
    private(set) var hasEnded = false
    /// Handles were started outside of libuv's own callbacks, and libuv registers those only when it runs.
    var libuvHasNews = true
    private var queue = RunQueue()
    /// When the events of the present turn had come in, on libuv's clock of nanoseconds.
    private var turnBegan: UInt64 = 0

    public init() throws(SystemError) {
        readiness = try ReadinessSet(eventsPerWait: Self.eventsPerWait)
        uv = .allocate(capacity: 1)
        wakeUp = .allocate(capacity: 1)
        do throws(SystemError) {
            try SystemError.check(uv_loop_init(uv), "create an event loop")
        } catch {
            uv.deallocate()
            wakeUp.deallocate()
            throw error
        }
        // uv_async_init fails only where uv_loop_init has failed before: both make the loop's own wake-up descriptor.
        uv_async_init(uv, wakeUp, nil)
        // libuv leaves it as it finds it; nil tells the close callback that there is no owner to release.
        wakeUp.pointee.data = nil
        try readiness.add(uv_backend_fd(uv), token: Self.libuvToken, interest: .readable)
    }

    deinit {
        // run() has closed all handles; a loop that never ran still holds its own.
        _ = closeHandles()
        wakeUp.deallocate()
        uv.deallocate()
    }

    // MARK: Time

    /// Milliseconds of a clock that never goes back, as of the start of this turn or of a timer in it. No system call.
    @inline(__always)
    public var now: UInt64 { uv_now(uv) }

    // MARK: Descriptors

    /// Reports every change of readiness of `descriptor`, and its present state first, until it is closed.
    public func watch(_ descriptor: borrowing Descriptor, token: Token) throws(SystemError) {
        try readiness.add(descriptor.raw, token: token, interest: [.readable, .writable, .peerDone, .urgent, .edge])
    }

    /// Reports a listening socket for as long as connections wait on it, so that a bounded batch of accepts never loses
    /// the rest.
    public func watchListener(_ descriptor: borrowing Descriptor, token: Token) throws(SystemError) {
        try readiness.add(descriptor.raw, token: token, interest: .readable)
    }

    /// Stops and resumes the reports of a listening socket. What waits on it then is reported on resuming.
    public func setListener(_ descriptor: borrowing Descriptor, token: Token, accepting: Bool) {
        // It is registered, so the only possible failure is lack of kernel memory; then it keeps its present interest.
        try? readiness.modify(descriptor.raw, token: token, interest: accepting ? .readable : [])
    }

    /// Ends the reports about a descriptor that has duplicates, before it is closed: the set keeps what is open, not
    /// its number, and would go on about a socket that another process still has, with no way left to take it out.
    /// Nothing happens if it is not watched.
    public func unwatch(_ descriptor: borrowing Descriptor) {
        readiness.remove(descriptor.raw)
    }

    /// Calls the handler for `token` once more, with no readiness: for work that gave way to others although it could
    /// go on. That is in the next turn or, if many wait, in a later one, after the events, timers and work of that
    /// turn. Asked for twice before that, it is called once; it is called even if the descriptor has been closed by
    /// then.
    @inline(__always)
    public func again(_ token: Token) {
        queue.add(token)
    }

    /// Whether the present turn is still short: who takes many things at once, like connections that wait to be
    /// accepted, goes on to the next one only then, and takes the rest in a later turn.
    @inline(__always)
    public var hasTime: Bool { uv_hrtime() &- turnBegan < Self.share }

    // MARK: Life

    /// Runs the loop on the calling thread until ``stop()``, then closes every libuv handle.
    ///
    /// - Returns: what `uv_loop_close` said: 0, unless a handle was leaked (`UV_EBUSY`).
    public func run(_ handler: Handler) -> Int32 {
        while !stopping.load(ordering: .acquiring) {
            turn(handler)
        }
        return closeHandles()
    }

    /// Ends ``run(_:)`` after the present turn; work accepted by then still runs. Any thread.
    public func stop() {
        // Not as work that captures the loop: a loop that never runs would keep itself alive.
        stopping.store(true, ordering: .releasing)
        execute {}
    }

    /// Runs `work` on the loop's thread, in the order given. Any thread.
    ///
    /// - Returns: false if the loop has ended; then `work` is never run. Accepted work always is.
    @discardableResult
    public func execute(_ work: @escaping @Sendable () -> Void) -> Bool {
        // Wakes while the inbox is locked: the loop closes the wake-up handle only after it has closed the inbox.
        inbox.add(work) { _ = uv_async_send(wakeUp) }
    }

    /// Events, then timers, then what other threads ask for, then what was queued before this turn.
    private func turn(_ handler: Handler) {
        let idle = queue.isEmpty && !libuvHasNews && !inbox.mayHaveWork
        if idle { uv_update_time(uv) }
        queue.beginTurn()
        let count = readiness.wait(timeout: idle ? uv_backend_timeout(uv) : 0)
        uv_update_time(uv)
        turnBegan = uv_hrtime()

        var libuvDue = libuvHasNews
        for index in 0..<count {
            let event = readiness.event(index)
            if event.token == Self.libuvToken {
                libuvDue = true
            } else {
                handler(event.token, event.readiness)
            }
        }
        // A timer that came due while sockets kept the loop busy shows as a timeout of 0.
        if libuvDue || uv_backend_timeout(uv) == 0 {
            libuvHasNews = false
            _ = uv_run(uv, UV_RUN_NOWAIT)
        }
        inbox.run()
        runQueue(handler)
    }

    /// Work that is queued gets as much of a turn as everything before it had, so that neither starves the other; the
    /// rest waits until the loop has looked for events once more.
    private func runQueue(_ handler: Handler) {
        guard let first = queue.next() else { return }
        let began = uv_hrtime()
        let share = max(Self.share, began &- turnBegan)
        handler(first, [])
        while uv_hrtime() &- began < share, let token = queue.next() { handler(token, []) }
    }

    /// Closes what is still open on the loop, then the loop. Idempotent.
    private func closeHandles() -> Int32 {
        guard let rest = inbox.close() else { return 0 }
        for work in rest { work() }
        hasEnded = true
        uv_walk(
            uv,
            { handle, _ in
                guard let handle, uv_is_closing(handle) == 0 else { return }
                uv_close(handle, LoopHandle.closed)
            }, nil)
        _ = uv_run(uv, UV_RUN_DEFAULT)
        return uv_loop_close(uv)
    }
}
