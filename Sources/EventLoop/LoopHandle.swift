internal import CLibuv

/// A libuv handle with a Swift owner, and the closure that it calls.
///
/// `uv_close` is asynchronous: libuv uses the handle's memory until its close callback. So the handle keeps this object
/// alive (through `data`, which also leads libuv's captureless callbacks here), and the memory is given back in that
/// callback and nowhere else. The closure goes earlier, with ``close()``: it usually captures the owner of the handle,
/// and the two would keep each other for ever.
final class LoopHandle {
    private let memory: UnsafeMutableRawPointer
    private var call: ((Int32) -> Void)?
    private(set) var isClosed = false

    /// - Parameters:
    ///   - initialize: the `uv_…_init` of this kind of handle, which must not fail.
    ///   - call: what ``fired(_:_:)`` runs.
    init<Kind>(
        on loop: EventLoop, _ kind: Kind.Type, initialize: (UnsafeMutablePointer<Kind>) -> Void,
        call: @escaping (Int32) -> Void
    ) {
        // The handle would enter the queue of a loop that nobody will ever close again.
        precondition(!loop.hasEnded, "timers and signal watchers need a loop that has not ended")
        let handle = UnsafeMutablePointer<Kind>.allocate(capacity: 1)
        initialize(handle)
        self.memory = UnsafeMutableRawPointer(handle)
        self.call = call
        base.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    private var base: UnsafeMutablePointer<uv_handle_t> { memory.assumingMemoryBound(to: uv_handle_t.self) }

    /// The handle as libuv's functions of its kind want it; nil once it is closed, for the memory may be gone.
    func pointer<Kind>(as kind: Kind.Type) -> UnsafeMutablePointer<Kind>? {
        isClosed ? nil : memory.assumingMemoryBound(to: kind)
    }

    /// Idempotent, also after the loop has closed the handle by itself.
    func close() {
        guard !isClosed else { return }
        end()
        if uv_is_closing(base) == 0 { uv_close(base, Self.closed) }
    }

    private func end() {
        isClosed = true
        call = nil
    }

    /// Runs the closure of the handle whose `data` this is: the body of every libuv callback.
    static func fired(_ data: UnsafeMutableRawPointer?, _ argument: Int32 = 0) {
        guard let data else { return }
        Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue().call?(argument)
    }

    /// The close callback of every handle of a loop; one without an owner (the wake-up) belongs to the loop itself.
    static let closed: uv_close_cb = { handle in
        guard let data = handle?.pointee.data else { return }
        let owner = Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
        owner.end()
        owner.memory.deallocate()
    }
}
