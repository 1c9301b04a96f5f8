internal import CLibuv
internal import Glibc

/// Hands process signals to an event loop, as ordinary calls on its thread.
public final class SignalWatcher {
    private let payloads: [SignalPayload]

    /// Watches `signals` until ``close()`` or the end of the loop.
    public init(on loop: EventLoop, _ signals: [Int32], received: @escaping (Int32) -> Void) throws(SystemError) {
        var payloads: [SignalPayload] = []
        for signal in signals {
            let payload = SignalPayload(received)
            uv_signal_init(loop.uv, payload.handle)
            LoopHandle.attach(payload, to: payload.handle)
            payloads.append(payload)
            let fired: uv_signal_cb = { handle, number in
                LoopHandle.payload(of: handle?.pointee.data, as: SignalPayload.self)?.received(number)
            }
            let result = uv_signal_start(payload.handle, fired, signal)
            guard result == 0 else {
                for payload in payloads { payload.close() }
                throw SystemError("watch for signal", "\(signal)", code: -result)
            }
        }
        self.payloads = payloads
        loop.libuvHasNews = true
    }

    public func close() {
        for payload in payloads { payload.close() }
    }

    /// A write to a socket whose peer is gone must be an error of that call, not the end of the process (SPEC §1.2).
    public static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }
}

private final class SignalPayload: LoopHandle.Payload {
    let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
    let received: (Int32) -> Void
    private var isClosed = false

    init(_ received: @escaping (Int32) -> Void) {
        self.received = received
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
