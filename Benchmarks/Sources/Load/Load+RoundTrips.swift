import CBench
import Glibc

/// Request and response: over many connections from one epoll thread, or over one connection with blocking calls.
extension Load {
    static func roundTrips(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let connections = try connect(spec, nonblocking: true)
        let latencies = Latencies()
        startThread {
            var client = RoundTripClient(spec, counters, latencies, connections)
            client.run()
            latencies.finish()
        }
        var result = Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
        latencies.add(to: &result)
        return result.needingOperations()
    }

    /// One request at a time on one connection.
    static func oneAtATime(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let connection = try connect(spec)[0]
        let latencies = Latencies()
        startThread {
            let buffer = UnsafeMutableRawPointer.allocate(byteCount: spec.messageSize, alignment: 64)
            memset(buffer, 0x50, spec.messageSize)
            while counters[.stop] == 0 {
                let start = now()
                guard writeFully(connection, buffer, spec.messageSize),
                    readFully(connection, buffer, spec.messageSize)
                else {
                    counters.add(1, to: .clientErrors)
                    break
                }
                if counters[.recording] == 1 { latencies.record(now() - start) }
                counters.add(1, to: .clientOperations)
            }
            latencies.finish()
        }
        var result = Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
        latencies.add(to: &result)
        return result.needingOperations()
    }
}

/// A set of connections, each with one request under way, driven by one thread.
private struct RoundTripClient {
    private struct Connection {
        var descriptor: Int32
        var unsent: Int
        var awaited: Int
        var start: UInt64 = 0
    }

    private let size: Int
    private let counters: Counters
    private let latencies: Latencies
    private var connections: [Connection]
    private let epoll: Int32
    private let request: UnsafeMutableRawPointer
    private let response: UnsafeMutableRawPointer

    init(_ spec: LoadSpec, _ counters: Counters, _ latencies: Latencies, _ descriptors: [Int32]) {
        size = spec.messageSize
        self.counters = counters
        self.latencies = latencies
        connections = descriptors.map {
            Connection(descriptor: $0, unsent: spec.messageSize, awaited: spec.messageSize)
        }
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        request = .allocate(byteCount: size, alignment: 4096)
        response = .allocate(byteCount: size, alignment: 4096)
        memset(request, 0x50, size)
    }

    mutating func run() {
        for index in connections.indices {
            var event = epoll_event()
            // Edges: the interest never changes, also when a large request has to wait for room.
            event.events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLET.rawValue
            event.data.u64 = UInt64(index)
            epoll_ctl(epoll, EPOLL_CTL_ADD, connections[index].descriptor, &event)
            connections[index].start = now()
        }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while counters[.stop] == 0 {
            let count = epoll_wait(epoll, &events, 64, 50)
            for position in 0..<Int(max(0, count)) { step(Int(events[position].data.u64)) }
        }
    }

    /// Sends and receives until the socket would block.
    private mutating func step(_ index: Int) {
        while true {
            let descriptor = connections[index].descriptor
            while connections[index].unsent > 0 {
                let put = send(
                    descriptor, request, connections[index].unsent,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
                if put < 0 {
                    if errno != EAGAIN { fail(index) }
                    return
                }
                connections[index].unsent -= put
            }
            let wanted = connections[index].awaited
            let got = recv(descriptor, response, wanted, Int32(MSG_DONTWAIT))
            if got <= 0 {
                if got == 0 || errno != EAGAIN { fail(index) }
                return
            }
            connections[index].awaited -= got
            if got < wanted { continue }

            let time = now()
            if counters[.recording] == 1 { latencies.record(time - connections[index].start) }
            counters.add(1, to: .clientOperations)
            connections[index].start = time
            connections[index].unsent = size
            connections[index].awaited = size
            // The answer to what goes out next can't be here yet: send and come back with the next edge.
            sendNext(index)
            return
        }
    }

    private mutating func sendNext(_ index: Int) {
        let put = send(
            connections[index].descriptor, request, size, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        if put > 0 { connections[index].unsent -= put } else if errno != EAGAIN { fail(index) }
    }

    private mutating func fail(_ index: Int) {
        counters.add(1, to: .clientErrors)
        close(connections[index].descriptor)
        connections[index].unsent = 0
    }
}
