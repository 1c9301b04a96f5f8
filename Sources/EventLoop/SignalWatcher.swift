public import Base
internal import CLibuv
internal import Glibc

/// Hands process signals to an event loop, as ordinary calls on its thread. Belongs to the loop's thread.
public final class SignalWatcher {
    private var handles: [LoopHandle] = []

    /// Watches `signals` until ``close()`` or the end of the loop, held or not; from then on they have their default
    /// action again, unless another watcher has them too. The loop must not have ended.
    ///
    /// - Throws: ``SystemError`` naming the signal, when there is none of that number or it cannot be caught.
    public init(on loop: EventLoop, _ signals: [Int32], received: @escaping (Int32) -> Void) throws(SystemError) {
        for signal in signals {
            // uv_signal_init fails only if it must make the loop's signal pipe, which uv_loop_init has made already.
            let handle = LoopHandle(
                on: loop, uv_signal_t.self, initialize: { uv_signal_init(loop.uv, $0) }, call: received)
            handles.append(handle)
            let result = uv_signal_start(
                handle.pointer(as: uv_signal_t.self), { LoopHandle.fired($0?.pointee.data, $1) }, signal)
            guard result == 0 else {
                close()
                throw SystemError("watch for signal", "\(signal)", code: -result)
            }
        }
        loop.libuvHasNews = true
    }

    /// Stops watching and lets go of the closure. The loop's thread, or after the loop has ended.
    public func close() {
        for handle in handles { handle.close() }
    }
}
