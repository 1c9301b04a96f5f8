internal import Glibc

/// Runs `body` on a detached thread of its own.
///
/// Peers block, and a blocked thread of Swift's cooperative pool (two of them on a small machine) could starve the
/// very test that waits for the peer. The stack is small, so that thousands of peers fit.
public func spawnThread(stackBytes: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) throws(PeerError) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, stackBytes)

    var thread = pthread_t()
    // The box is retained for the thread, which takes it over as its first act.
    let box = Unmanaged.passRetained(Box(body))
    let status = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    if status != 0 {
        box.release()
        throw PeerError.system("pthread_create", errno: status)
    }
}
