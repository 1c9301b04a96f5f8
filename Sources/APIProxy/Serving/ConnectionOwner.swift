internal import Base
internal import EventLoop

/// Asks the kernel whose a connection is, for any thread.
final class ConnectionOwner: Sendable {
    /// A class, since what is guarded has to be copyable.
    private final class Kernel {
        var owner: SocketOwner

        init() throws(SystemError) { owner = try SocketOwner() }
    }

    private let kernel: Guarded<Kernel>

    /// - Throws: ``SystemError`` if the kernel does not answer such questions.
    init() throws(SystemError) {
        // Nobody else has it.
        nonisolated(unsafe) let kernel = try Kernel()
        self.kernel = Guarded(kernel)
    }

    /// - Returns: nil if nobody has it who can be seen from here.
    func user(of peer: PeerAddress, to local: PeerAddress) -> UInt32? {
        kernel.withLock { $0.owner.user(of: peer.socketAddress, to: local.socketAddress) }
    }
}

/// An address and a port, for the two modules that each have a `SocketAddress`, and an `EventLoop`, of their own.
struct PeerAddress {
    var isIPv6: Bool
    var high: UInt64
    var low: UInt64
    var scope: UInt32
    var port: UInt16

    fileprivate var socketAddress: SocketAddress {
        isIPv6
            ? SocketAddress(v6High: high, low: low, scope: scope, port: port).unmapped
            : SocketAddress(v4: UInt32(truncatingIfNeeded: low), port: port)
    }
}
