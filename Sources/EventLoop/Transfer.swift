internal import CLinux
internal import Glibc

/// What one attempt to move bytes through a non-blocking descriptor came to.
public enum Transfer: Hashable, Sendable {
    /// At least one byte was moved.
    case moved(Int)
    /// Read side only: the peer has sent everything it will ever send.
    case end
    /// Nothing can be moved now; readiness will be reported.
    case wouldBlock
    /// The descriptor is done for; the payload is the errno.
    case failed(Int32)

    @inline(__always)
    init(_ result: Int) {
        if result > 0 {
            self = .moved(result)
        } else if result == 0 {
            self = .end
        } else if result == -Int(EAGAIN) {
            self = .wouldBlock
        } else {
            self = .failed(Int32(truncatingIfNeeded: -result))
        }
    }
}

extension Descriptor {
    /// Receives up to `buffer.count` bytes from a socket.
    @inline(__always)
    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        Transfer(portico_read(raw, buffer.baseAddress, buffer.count))
    }

    /// Sends what the socket takes of `bytes`, which must not be empty.
    @inline(__always)
    public func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        Transfer(portico_send(raw, bytes.baseAddress, bytes.count))
    }

    /// Passes on that nothing more will be sent (a FIN). An error means that the socket is already gone, which the next
    /// read reports.
    public func shutdownWrite() {
        _ = portico_shutdown_write(raw)
    }

    /// Makes closing this socket send a reset: the peer learns that the other side failed, not that it finished.
    public func resetOnClose() {
        _ = portico_reset_on_close(raw)
    }

    /// From now on a byte that the peer marked as urgent is read in its place in the stream. Otherwise reads leave it
    /// out, since it would have to be asked for apart, and the kernel itself drops it when another one comes before it
    /// was read: so this must go before the first byte. Sockets that are accepted have it from their listener.
    public func keepUrgentInline() {
        _ = portico_set_option(raw, SOL_SOCKET, SO_OOBINLINE, 1)
    }

    /// Bytes that were written to a TCP socket and that its peer has not acknowledged: a reset would overtake them. An
    /// end that was passed on counts as one.
    public var unacknowledged: Int {
        Int(max(0, portico_unacknowledged(raw)))
    }

    /// The error that waits on the socket, as an errno, or 0; asking clears it.
    public func pendingError() -> Int32 {
        portico_socket_error(raw)
    }
}

extension Pipe {
    /// More than this in one call is refused by some kernels, and zero-copy would be silently off.
    private static let largestSplice = 1 << 30

    /// Moves up to `count` bytes from a socket into the pipe. `wouldBlock` means that the socket is empty *or* that the
    /// pipe is full: the kernel does not say which.
    @inline(__always)
    public func fill(from socket: borrowing Descriptor, count: Int) -> Transfer {
        Transfer(portico_splice(socket.raw, writeEnd.raw, min(count, Self.largestSplice)))
    }

    /// Takes up to `buffer.count` of the bytes in the pipe.
    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        Transfer(portico_read_pipe(readEnd.raw, buffer.baseAddress, buffer.count))
    }

    /// Moves up to `count` of the bytes in the pipe to a socket. SIGPIPE must be ignored
    /// (``IgnoredSignals/ignoreBrokenPipes()``): splice, unlike send, cannot be told to spare the process.
    @inline(__always)
    public func drain(to socket: borrowing Descriptor, count: Int) -> Transfer {
        Transfer(portico_splice(readEnd.raw, socket.raw, min(count, Self.largestSplice)))
    }
}
