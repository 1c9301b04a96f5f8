import CBench
import Glibc

/// Connections that carry one message each way: a fixed number under way, from one thread.
extension Load {
    static func shortConnections(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let latencies = Latencies()
        startThread {
            var client = ShortConnectionClient(spec, counters, latencies)
            client.run()
            latencies.finish()
        }
        var result = Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
        latencies.add(to: &result)
        return result.needingOperations()
    }
}

private struct ShortConnectionClient {
    private struct Slot {
        var descriptor: Int32 = -1
        var sent = false
        var awaited = 0
        var start: UInt64 = 0
    }

    private let spec: LoadSpec
    private let counters: Counters
    private let latencies: Latencies
    private var slots: [Slot]
    private let epoll: Int32
    private let buffer: UnsafeMutableRawPointer

    init(_ spec: LoadSpec, _ counters: Counters, _ latencies: Latencies) {
        self.spec = spec
        self.counters = counters
        self.latencies = latencies
        slots = .init(repeating: Slot(), count: spec.connections)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        buffer = .allocate(byteCount: spec.messageSize, alignment: 64)
        memset(buffer, 0x50, spec.messageSize)
    }

    mutating func run() {
        for index in slots.indices { open(index) }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while counters[.stop] == 0 {
            let count = epoll_wait(epoll, &events, 64, 50)
            for position in 0..<Int(max(0, count)) {
                let index = Int(events[position].data.u64)
                if slots[index].descriptor < 0 { open(index) } else { step(index) }
            }
            // Slots whose connect failed outright have no descriptor to wake them.
            if count == 0 {
                for index in slots.indices where slots[index].descriptor < 0 { open(index) }
            }
        }
    }

    private mutating func open(_ index: Int) {
        let start = now()
        let descriptor = bench_tcp_connect(spec.port, 1)
        guard descriptor >= 0 else {
            counters.add(1, to: .clientErrors)
            slots[index].descriptor = -1
            return
        }
        slots[index] = Slot(descriptor: descriptor, awaited: spec.messageSize, start: start)
        // On loopback the handshake is done when connect returns: the request usually goes out here.
        trySending(index)
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | EPOLLET.rawValue | (slots[index].sent ? 0 : EPOLLOUT.rawValue)
        event.data.u64 = UInt64(index)
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }

    private mutating func trySending(_ index: Int) {
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        slots[index].sent = send(slots[index].descriptor, buffer, spec.messageSize, flags) == spec.messageSize
    }

    private mutating func step(_ index: Int) {
        if !slots[index].sent { trySending(index) }
        let got = recv(slots[index].descriptor, buffer, slots[index].awaited, Int32(MSG_DONTWAIT))
        if got < 0 && errno == EAGAIN { return }
        if got <= 0 {
            counters.add(1, to: .clientErrors)
        } else {
            slots[index].awaited -= got
            if slots[index].awaited > 0 { return }
            if counters[.recording] == 1 { latencies.record(now() - slots[index].start) }
            counters.add(1, to: .clientOperations)
        }
        // An orderly end: the proxy has to pass on the end of the stream, as for any client.
        close(slots[index].descriptor)
        open(index)
    }
}
