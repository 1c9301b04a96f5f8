internal import Glibc

/// A UDP socket on loopback with a thread that answers, collects or keeps silent: a stand-in for a UDP pod.
public final class UDPServer: Sendable {
    public enum Behaviour: Sendable {
        /// Sends every datagram back, with a prefix that says who answered.
        case echo(identity: String = "")
        /// Sends every datagram back, and the first of them not before the cue is given.
        case echoAfter(Cue)
        /// Sends back the datagrams that end in a question mark, and is silent about others.
        case echoQuestions
        /// Only counts and adds up.
        case collect
        /// Does not even read: datagrams pile up in the socket until the kernel drops them.
        case silent
    }

    /// What has arrived.
    public struct Arrivals: Sendable {
        public var datagrams = 0
        public var bytes = 0
        /// The sum of the datagrams' own checksums, which does not depend on their order: UDP promises none.
        public var checksum: UInt64 = 0
        /// Where they came from, as `address:port`, with their number.
        public var sources: [String: Int] = [:]
    }

    public let host: String
    public let port: UInt16
    private let stopCue: Cue
    private let state: Locked<Arrivals>
    private let ended: Completion<Void>

    public init(
        _ behaviour: Behaviour = .echo(), on host: String = "127.0.0.1", port: UInt16 = 0,
        options: SocketOptions = .default
    ) throws {
        let stop = Cue()
        let address = try SocketAddress(host, port)
        let socket = try PeerSocket(SOCK_DGRAM, family: address.family, options: options, stop: stop)
        try socket.bind(to: address)
        let local = try SocketAddress.local(of: socket)
        let state = Locked(Arrivals())
        let ended = Completion<Void>()
        try spawnThread {
            switch behaviour {
            case .echo(let identity): Self.serve(socket, state, prefix: Array(identity.utf8))
            case .echoAfter(let cue): Self.serve(socket, state, prefix: [], after: cue)
            case .echoQuestions: Self.serve(socket, state, prefix: []) { $0.last == UInt8(ascii: "?") }
            case .collect: Self.serve(socket, state, prefix: nil)
            case .silent: try? waitReadable(-1, events: 0, "silent", stop: stop, until: .within(.seconds(3600)))
            }
            socket.close()
            ended.finish(())
        }
        (self.host, self.port) = (local.host, local.port)
        (stopCue, self.state, self.ended) = (stop, state, ended)
    }

    deinit { stopCue.give() }

    public var arrivals: Arrivals { state.withLock { $0 } }

    /// Closes the socket; from then on the port answers with ICMP port unreachable.
    public func stop() async {
        stopCue.give()
        await ended.value
    }

    private static func serve(
        _ socket: PeerSocket, _ state: Locked<Arrivals>, prefix: [UInt8]?, after cue: Cue? = nil,
        if isAnswered: ([UInt8]) -> Bool = { _ in true }
    ) {
        // Until stopped; an error reported for an earlier answer (port unreachable) does not end a server.
        while true {
            do throws(PeerError) {
                let (bytes, source) = try socket.receiveDatagram(until: .within(.seconds(3600)))
                state.withLock { arrivals in
                    arrivals.datagrams += 1
                    arrivals.bytes += bytes.count
                    arrivals.checksum &+= StreamChecksum.of(bytes)
                    arrivals.sources[source.description, default: 0] += 1
                }
                if let cue {
                    let deadline = Deadline.within(.seconds(60))
                    try waitReadable(cue.readEnd, events: POLLIN, "a cue", stop: socket.stop, until: deadline)
                }
                if let prefix, isAnswered(bytes) {
                    try socket.sendDatagram(prefix + bytes, to: source, until: .within(.seconds(5)))
                }
            } catch {
                if error == .stopped { return }
            }
        }
    }
}

/// A connected UDP socket of a client; datagrams from anywhere but the server's address do not reach it, so an answer
/// from the wrong source address shows as none.
public final class UDPClient: Sendable {
    private let socket: PeerSocket
    /// The address it sends from.
    public let local: String

    public init(
        to port: UInt16, on host: String = "127.0.0.1", from source: String? = nil, options: SocketOptions = .default
    ) throws {
        let target = try SocketAddress(host, port)
        socket = try PeerSocket(SOCK_DGRAM, family: target.family, options: options, stop: Cue())
        if let source { try socket.bind(to: SocketAddress(source, 0)) }
        try socket.connect(to: target, until: .within(.seconds(5)))
        local = try SocketAddress.local(of: socket).description
    }

    public func send(_ bytes: [UInt8]) throws {
        let count = bytes.span.bytes.withUnsafeBytes { Glibc.send(socket.descriptor, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw PeerError.last("send") }
    }

    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// The next datagram; nil when none comes in time. Throws when the port is unreachable.
    public func receive(within limit: Duration = .seconds(5)) async throws -> [UInt8]? {
        let socket = socket
        let completion = Completion<Result<[UInt8]?, PeerError>>()
        try spawnThread {
            completion.finish(
                Result { () throws(PeerError) in
                    do throws(PeerError) {
                        return try socket.receiveDatagram(until: .within(limit)).bytes
                    } catch {
                        if error.isTimeout { return nil }
                        throw error
                    }
                })
        }
        return try await completion.value.get()
    }

    /// Sends `text` and returns the answer's text; nil when none comes in time.
    public func ask(_ text: String, within limit: Duration = .seconds(5)) async throws -> String? {
        try send(text)
        return try await receive(within: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    public func close() { socket.close() }
}

extension PeerSocket {
    fileprivate func receiveDatagram(
        until deadline: Deadline
    ) throws(PeerError) -> (bytes: [UInt8], source: SocketAddress) {
        while true {
            try wait(for: POLLIN, "recvfrom", until: deadline)
            var source = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            var error: PeerError?
            // Room for the largest datagram there is.
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                let received = withUnsafeMutablePointer(to: &source) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        recvfrom(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT), $0, &length)
                    }
                }
                if received < 0 { error = PeerError.last("recvfrom") }
                count = max(received, 0)
            }
            switch error {
            case nil: return (bytes, try SocketAddress(source))
            case .system(_, EAGAIN), .system(_, EINTR): continue
            case .some(let error): throw error
            }
        }
    }

    fileprivate func sendDatagram(
        _ bytes: [UInt8], to target: SocketAddress, until deadline: Deadline
    ) throws(PeerError) {
        try wait(for: POLLOUT, "sendto", until: deadline)
        let count = target.withPointer { pointer, length in
            bytes.span.bytes.withUnsafeBytes { sendto(descriptor, $0.baseAddress, $0.count, 0, pointer, length) }
        }
        if count < 0 { throw PeerError.last("sendto") }
    }
}
