internal import CLibuv

/// A timer of an event loop, with a resolution of one millisecond. Belongs to the loop's thread.
///
/// Meant for a few timers a loop: a component with thousands of deadlines keeps them itself and arms one timer for the
/// earliest.
public final class Timer {
    private let payload: TimerPayload

    /// A timer at rest. `fire` runs on the loop's thread; the timer keeps it until ``close()`` or the end of the loop.
    public init(on loop: EventLoop, fire: @escaping () -> Void) {
        payload = TimerPayload(fire)
        uv_timer_init(loop.uv, payload.handle)
        LoopHandle.attach(payload, to: payload.handle)
    }

    deinit {
        close()
    }

    /// Fires once, `milliseconds` from now, in place of whatever it was set to before.
    public func start(after milliseconds: UInt64) {
        guard !payload.isClosed else { return }
        let fired: uv_timer_cb = { handle in
            LoopHandle.payload(of: handle?.pointee.data, as: TimerPayload.self)?.fire()
        }
        uv_timer_start(payload.handle, fired, milliseconds, 0)
    }

    public func stop() {
        guard !payload.isClosed else { return }
        uv_timer_stop(payload.handle)
    }

    /// Ends the timer for good. The loop's thread, or after the loop has ended.
    public func close() {
        payload.close()
    }
}

private final class TimerPayload: LoopHandle.Payload {
    let handle = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
    let fire: () -> Void
    private(set) var isClosed = false

    init(_ fire: @escaping () -> Void) {
        self.fire = fire
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { handle in
            guard uv_is_closing(handle) == 0 else { return }
            uv_close(handle, LoopHandle.closed)
        }
    }

    override func handleClosed() {
        isClosed = true
        handle.deallocate()
    }
}
