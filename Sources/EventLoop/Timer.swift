internal import CLibuv

/// A timer of an event loop, with a resolution of one millisecond. Belongs to the loop's thread.
///
/// Meant for a few timers a loop: a component with thousands of deadlines keeps them itself and arms one timer for the
/// earliest.
public final class Timer {
    private let handle: LoopHandle

    /// A timer at rest. `fire` runs on the loop's thread; the timer keeps it until ``close()`` or the end of the loop.
    ///
    /// The loop must not have ended.
    public init(on loop: EventLoop, fire: @escaping () -> Void) {
        handle = LoopHandle(
            on: loop, uv_timer_t.self, initialize: { uv_timer_init(loop.uv, $0) }, call: { _ in fire() })
    }

    deinit {
        close()
    }

    /// Fires once, `milliseconds` from now, in place of whatever it was set to before. Without effect once closed.
    public func start(after milliseconds: UInt64) {
        guard let timer = handle.pointer(as: uv_timer_t.self) else { return }
        // libuv counts from the loop's cached time. If the turn (or the time before the loop runs) has been long, a
        // timer would be early by as much, and a short one due at once.
        uv_update_time(timer.pointee.loop)
        uv_timer_start(timer, { LoopHandle.fired($0?.pointee.data) }, milliseconds, 0)
    }

    /// Takes back what ``start(after:)`` set; nothing if it is at rest or closed.
    public func stop() {
        guard let timer = handle.pointer(as: uv_timer_t.self) else { return }
        uv_timer_stop(timer)
    }

    /// Ends the timer for good and lets go of its closure. The loop's thread, or after the loop has ended.
    public func close() {
        handle.close()
    }
}
