internal import Glibc
internal import NIOCore

extension Channel {
    /// Lets each direction end by itself, and has the kernel look whether the other side is still there. On its event
    /// loop.
    ///
    /// - Parameter keepAlive: between two signs of life; nil for the system's.
    func prepareForRaw(keepAlive: Duration?) throws {
        try syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        guard let options = self as? any SocketOptionProvider, localAddress?.protocol != .unix else { return }
        options.unsafeSetSocketOption(level: .socket, name: .so_keepalive, value: CInt(1)).whenFailure { _ in }
        guard let seconds = keepAlive?.components.seconds, seconds > 0 else { return }
        for name in [TCP_KEEPIDLE, TCP_KEEPINTVL] {
            options.unsafeSetSocketOption(level: .tcp, name: .init(rawValue: name), value: CInt(clamping: seconds))
                .whenFailure { _ in }
        }
    }
}
