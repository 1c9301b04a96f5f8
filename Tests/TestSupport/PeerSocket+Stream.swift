internal import Glibc

extension PeerSocket {
    /// Connects; a refusal or an unreachable address is a `system("connect")` error.
    func connect(to address: SocketAddress, until deadline: Deadline) throws(PeerError) {
        let status = address.withPointer { Glibc.connect(descriptor, $0, $1) }
        if status == 0 { return }
        let error = PeerError.last("connect")
        guard error == .system("connect", errno: EINPROGRESS) else { throw error }
        try wait(for: POLLOUT, "connect", until: deadline)
        let pending = pendingError()
        guard pending == 0 else { throw .system("connect", errno: pending) }
    }

    func bind(to address: SocketAddress) throws(PeerError) {
        guard address.withPointer({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw PeerError.last("bind \(address)")
        }
    }

    func listen(backlog: Int32) throws(PeerError) {
        guard Glibc.listen(descriptor, backlog) == 0 else { throw PeerError.last("listen") }
    }

    /// The next connection, once there is one.
    func accept(stop: Cue, until deadline: Deadline) throws(PeerError) -> PeerSocket {
        while true {
            try wait(for: POLLIN, "accept", until: deadline)
            let accepted = Glibc.accept(descriptor, nil, nil)
            if accepted >= 0 {
                // Glibc's module lacks accept4, so these two come after it.
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
                return PeerSocket(owning: accepted, stop: stop)
            }
            let error = PeerError.last("accept")
            switch error {
            // The connection may be gone again by now; that is no error of the listener.
            case .system(_, EAGAIN), .system(_, EINTR), .system(_, ECONNABORTED): continue
            // The test may have used up the descriptors on purpose; the server outlives that.
            case .system(_, EMFILE), .system(_, ENFILE): usleep(10_000)
            default: throw error
            }
        }
    }

    /// Reads what is there into `buffer`; 0 at the end of the stream.
    func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws(PeerError) -> Int {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            let error = PeerError.last("recv")
            switch error {
            case .system(_, EAGAIN): try wait(for: POLLIN, "recv", until: deadline)
            case .system(_, EINTR): continue
            default: throw error
            }
        }
    }

    /// Writes some of `bytes`; returns how many.
    ///
    /// - Parameter isUrgent: marks the last one that is written.
    func write(
        _ bytes: UnsafeRawBufferPointer, isUrgent: Bool = false, until deadline: Deadline
    ) throws(PeerError) -> Int {
        let flags = SocketFlag.noSignal | (isUrgent ? CInt(MSG_OOB) : 0)
        while true {
            let count = send(descriptor, bytes.baseAddress, bytes.count, flags)
            if count >= 0 { return count }
            let error = PeerError.last("send")
            switch error {
            case .system(_, EAGAIN): try wait(for: POLLOUT, "send", until: deadline)
            case .system(_, EINTR): continue
            default: throw error
            }
        }
    }

    func shutdownWrite() throws(PeerError) {
        guard shutdown(descriptor, CInt(SHUT_WR)) == 0 else { throw PeerError.last("shutdown") }
    }
}
