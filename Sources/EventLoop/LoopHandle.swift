internal import CLibuv

/// The life of a libuv handle that has a Swift owner.
///
/// `uv_close` is asynchronous: libuv uses the handle's memory until its close callback. So memory that belongs to a Swift
/// object is given back there and nowhere else, and `handle.data` carries what libuv's captureless callbacks need.
enum LoopHandle {
    /// What a handle's `data` points to, retained from start to close.
    class Payload {
        /// Gives back the handle's memory; called once, in the close callback.
        func handleClosed() {}
    }

    /// Retains `payload` for the handle. Balanced by ``closed``.
    static func attach(_ payload: Payload, to handle: UnsafeMutableRawPointer) {
        let handle = handle.assumingMemoryBound(to: uv_handle_t.self)
        handle.pointee.data = Unmanaged.passRetained(payload).toOpaque()
    }

    /// The close callback of every handle of a loop; one without a payload (the wake-up) belongs to the loop itself.
    static let closed: uv_close_cb = { handle in
        guard let data = handle?.pointee.data else { return }
        let payload = Unmanaged<Payload>.fromOpaque(data)
        payload.takeUnretainedValue().handleClosed()
        payload.release()
    }

    static func payload<P: Payload>(of data: UnsafeMutableRawPointer?, as type: P.Type) -> P? {
        guard let data else { return nil }
        return Unmanaged<Payload>.fromOpaque(data).takeUnretainedValue() as? P
    }
}
