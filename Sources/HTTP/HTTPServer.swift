public import Base
private import Dispatch
public import EventLoop
internal import Glibc

/// Serves small answers over HTTP/1.1 at any number of addresses, all by one event loop on a thread of its own.
///
/// It is made for clients that are many, slow or gone: a connection on which nothing was answered for
/// ``Limits/idleMilliseconds`` is closed, whether the client is silent, sends a request byte by byte or does not read
/// its answer; and where there are ``Limits/mostConnections``, a new one takes the place of the one that was answered
/// least recently. So a health check always gets its answer, and descriptors never run out.
///
/// All methods may be called from any thread but not from within an answer. The object owns the thread, and shuts down
/// when it goes.
public final class HTTPServer: Sendable {
    public struct Limits: Sendable {
        public var idleMilliseconds: UInt64
        public var mostConnections: Int
        /// In bytes, of a request. Larger ones are refused with status 413.
        public var largestBody: Int

        public init(idleMilliseconds: UInt64 = 60_000, mostConnections: Int = 256, largestBody: Int = 64 << 10) {
            self.idleMilliseconds = idleMilliseconds
            self.mostConnections = mostConnections
            self.largestBody = largestBody
        }
    }

    /// What a request is answered with. Runs on the server's thread, so it must not wait for anything.
    public typealias Handler = @Sendable (HTTPRequest) -> HTTPAnswer

    private let loop: EventLoop
    private let host: HTTPHost
    private let thread: LoopThread
    private let isShutDown = Guarded(false)
    private let lastListener = Guarded<UInt64>(0)

    /// Starts the thread; nothing listens yet.
    ///
    /// - Parameter name: what `top -H` shows, at most 15 bytes of it.
    public init(name: String, limits: Limits = Limits()) throws(SystemError) {
        let loop = try EventLoop()
        let host = HTTPHost(on: loop, limits)
        thread = try LoopThread(name: name) {
            _ = loop.run { host.handle($0, $1) }
            host.end()
        }
        self.loop = loop
        self.host = host
    }

    deinit {
        shutdown()
    }

    /// Listens on an address, until the result is closed or let go of.
    ///
    /// - Parameters:
    ///   - shared: other sockets, of this user's other processes too, may listen beside it (SO_REUSEPORT), if all of
    ///     them are shared. New connections are then spread over them.
    ///   - ceiling: a descriptor of this number or above is not taken. The kernel gives the lowest number that is free.
    /// - Throws: ``SystemError`` naming the address, when it is taken or not permitted; `EMFILE` at the ceiling;
    ///   `ECANCELED` after ``shutdown()``.
    public func listen(
        on address: SocketAddress, shared: Bool = false, below ceiling: Int = .max, answer: @escaping Handler
    ) throws(SystemError) -> HTTPListener {
        let socket = try TCPSocket.listen(on: address, shared: shared)
        guard socket.raw < ceiling else { throw SystemError("listen on", address.description, code: EMFILE) }
        let actual = try TCPSocket.localAddress(of: socket)
        let id = lastListener.withLock { last in
            last += 1
            return last
        }
        let opened = OpenListener(socket, answer)
        guard loop.execute({ [host] in host.open(id, opened) }) else {
            throw SystemError("listen on", address.description, code: SystemError.canceled)
        }
        return HTTPListener(address: actual) { [loop, host] isAwaited in
            let closed = DispatchSemaphore(value: 0)
            let isAccepted = loop.execute {
                host.close(id)
                closed.signal()
            }
            // Otherwise whoever listens on the address next would find it taken.
            if isAccepted, isAwaited { closed.wait() }
        }
    }

    /// Closes all listeners and connections, and returns when that is done. Idempotent.
    public func shutdown() {
        isShutDown.withLock { isShutDown in
            isShutDown = true
            loop.stop()
            thread.join()
        }
    }
}

/// One address at which an ``HTTPServer`` listens. It stops when the object goes, or at ``close()``.
public final class HTTPListener: Sendable {
    /// With the port that the kernel chose, if it was to choose one.
    public let address: SocketAddress
    private let end: @Sendable (_ isAwaited: Bool) -> Void

    init(address: SocketAddress, end: @escaping @Sendable (Bool) -> Void) {
        self.address = address
        self.end = end
    }

    deinit {
        end(false)
    }

    /// Ends listening, and the connections that came in here, and returns when the address is free. Idempotent.
    public func close() {
        end(true)
    }
}
