import CBench
import Glibc

extension Backend {
    /// Answers every complete message with one of the same size: one thread, edge-triggered, any number of connections.
    static func respond(_ spec: BackendSpec, _ ready: () -> Void) throws(CallFailure) {
        let listener = try CallFailure.check("TCP port \(spec.port)", bench_tcp_listen(spec.port, backlog))
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        var responder = Responder(messageSize: spec.messageSize, listener: listener)
        ready()
        responder.run()
    }
}

private struct Responder {
    private struct Connection {
        /// Bytes of the request still to come, and of the response still to go.
        var awaited: Int
        var unsent = 0
    }

    private let size: Int
    private let listener: Int32
    private let epoll: Int32
    private let buffer: UnsafeMutableRawPointer
    /// By descriptor: the kernel keeps those small.
    private var connections: [Connection]

    init(messageSize: Int, listener: Int32) {
        size = messageSize
        self.listener = listener
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        buffer = .allocate(byteCount: messageSize, alignment: 4096)
        memset(buffer, 0x51, messageSize)
        connections = .init(repeating: Connection(awaited: messageSize), count: 1024)
        watch(listener, EPOLLIN.rawValue)
    }

    private func watch(_ descriptor: Int32, _ interest: UInt32) {
        var event = epoll_event()
        event.events = interest
        event.data.fd = descriptor
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }

    mutating func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 128)
        while true {
            let count = epoll_wait(epoll, &events, 128, -1)
            for position in 0..<Int(max(0, count)) {
                let descriptor = events[position].data.fd
                if descriptor == listener { accept() } else { step(descriptor) }
            }
        }
    }

    private mutating func accept() {
        while true {
            let descriptor = bench_tcp_accept(listener, 1)
            guard descriptor >= 0 else { return }
            if Int(descriptor) >= connections.count {
                let more = max(connections.count, Int(descriptor) + 1 - connections.count)
                connections.append(contentsOf: repeatElement(Connection(awaited: size), count: more))
            }
            connections[Int(descriptor)] = Connection(awaited: size)
            watch(descriptor, EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLET.rawValue)
            // The request is often there already; its edge would come one turn later.
            step(descriptor)
        }
    }

    private mutating func step(_ descriptor: Int32) {
        let slot = Int(descriptor)
        while true {
            while connections[slot].unsent > 0 {
                let put = send(descriptor, buffer, connections[slot].unsent, Int32(MSG_NOSIGNAL))
                if put < 0 {
                    if errno != EAGAIN { close(descriptor) }
                    return
                }
                connections[slot].unsent -= put
            }
            let wanted = connections[slot].awaited
            let got = recv(descriptor, buffer, wanted, 0)
            if got <= 0 {
                if got == 0 || errno != EAGAIN { close(descriptor) }
                return
            }
            connections[slot].awaited -= got
            if got == wanted {
                connections[slot].awaited = size
                connections[slot].unsent = size
            }
        }
    }
}
