public import Base
internal import CLinux
internal import Glibc

/// A named operating-system thread that runs `body` once.
///
/// Loops run on threads of their own, outside of Swift's cooperative pool: that pool has as many threads as cores, and
/// a loop never gives its thread back. It runs at the priority that the process was given (`nice`, systemd's `Nice=`).
///
/// Unchecked: `thread` is written before anybody has the object, and `joined` belongs to the one caller of ``join()``.
public final class LoopThread: @unchecked Sendable {
    private var thread = pthread_t()
    private var joined = false

    private final class Start {
        let name: String
        let body: () -> Void

        init(name: String, body: @escaping () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts the thread. `name` is what `top -H` and `perf` show, at most 15 bytes of it.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        // The kernel refuses a name that is too long instead of cutting it; whole characters only.
        var shortName = name
        while shortName.utf8.count > 15 { shortName.removeLast() }
        let start = Unmanaged.passRetained(Start(name: shortName, body: body))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                portico_name_thread(start.name)
                portico_take_process_priority()
                start.body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw SystemError("start thread", name, code: result)
        }
    }

    /// Waits for the body to end. One caller, not the thread itself.
    public func join() {
        guard !joined else { return }
        joined = true
        pthread_join(thread, nil)
    }

    deinit {
        if !joined { pthread_detach(thread) }
    }
}
