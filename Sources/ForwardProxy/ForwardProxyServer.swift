public import Balancing
public import Base
public import EventLoop

/// A client whose handshake is done, on its way to whoever carries it.
public struct ForwardedClient: ~Copyable, Sendable {
    public let socket: Descriptor
    public let peer: SocketAddress
    /// What it has sent that is for the endpoint, which is to get it before anything else.
    public let request: [UInt8]
    /// What it is to be told, before anything of the endpoint's, once it is connected.
    public let greeting: [UInt8]

    /// The socket, which is the caller's from here on.
    public consuming func take() -> Descriptor { socket }
}

/// What is to become of a client.
public enum ForwardAnswer: Sendable, Hashable {
    /// This service port is where it is to be connected.
    case carried(by: ServicePortID)
    case refused(ForwardRefusal)
}

/// What people may want to read about a proxy. Reported on its thread.
public enum ForwardProxyEvent: Sendable, Hashable {
    case refused(ForwardTarget, ForwardRefusal)
    /// A client was reset because of its user; nil for one of another machine or network namespace.
    case stranger(SocketAddress, user: UInt32?)
    case wrongPassword(SocketAddress)
}

/// A forward proxy for TCP: SOCKS version 5, HTTP CONNECT and HTTP requests for absolute URIs, all at the same port. It
/// does the handshakes and connects nobody itself: whoever asks for something that may be had is given away with all
/// that was read from it.
///
/// It runs on a thread of its own. Clients in a handshake are limited in number and time, and where there are too many
/// the oldest goes, so that those who say nothing keep nobody out.
public final class ForwardProxyServer: Sendable {
    public struct Settings: Sendable {
        /// Where it listens. Port 0 is chosen for the first one, and the others get the same.
        public var addresses: [SocketAddress]
        /// What every client has to know; nil for nothing.
        public var password: ProxyPassword?
        /// Whose clients are served, of those on a loopback address; nil for everybody's.
        public var peers: PeerPolicy?
        /// Clients in a handshake at one time.
        public var mostHandshakes = 128
        /// How long a handshake may take, with finding out where it leads, in milliseconds.
        public var handshakeLimit: UInt64 = 10_000

        public init(addresses: [SocketAddress]) {
            self.addresses = addresses
        }
    }

    /// Finds out what is to become of a client that wants to be connected somewhere. Called on the proxy's thread, so
    /// it must not wait; it calls what it is given once, from any thread, now or later.
    public typealias Decide = @Sendable (ForwardTarget, @escaping @Sendable (ForwardAnswer) -> Void) -> Void
    /// Takes a client over. Called on the proxy's thread.
    public typealias Carry = @Sendable (consuming ForwardedClient, ServicePortID) -> Void

    /// Where it listens, of what was asked for.
    public let addresses: [SocketAddress]
    private let loop: EventLoop
    private let thread: LoopThread

    /// - Throws: ``SystemError`` if the first address cannot be had, or another one that is somebody else's. One that
    ///   this machine does not have is left out, as `::1` may be.
    public init(
        _ settings: Settings, decide: @escaping Decide, carry: @escaping Carry,
        report: @escaping @Sendable (ForwardProxyEvent) -> Void = { _ in }
    ) throws(SystemError) {
        let loop = try EventLoop()
        // Made before the loop runs, and touched by its thread alone from then on, which alone holds it: its sockets are
        // closed when the thread ends.
        let worker = try ForwardProxyWorker(
            on: loop, settings, decide: decide, carry: carry, report: report)
        addresses = worker.addresses
        thread = try LoopThread(name: "proxy") {
            _ = loop.run { worker.handle($0, $1) }
            worker.end()
        }
        self.loop = loop
    }

    deinit { stop() }

    /// Takes no more clients, ends those that are in a handshake, and waits for that. Idempotent; any thread but its
    /// own, one caller at a time.
    public func stop() {
        loop.stop()
        thread.join()
    }
}
