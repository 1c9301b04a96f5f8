import CBench
import Glibc

/// UDP: round trips over many flows, and flows one way.
extension Load {
    /// Large enough that a burst is never lost between the proxy and us.
    static let receiveBuffer: Int32 = 4 << 20

    static func datagramRoundTrips(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        var flows: [Int32] = []
        for _ in 0..<spec.connections {
            flows.append(try CallFailure.check("UDP socket", bench_udp_connect(spec.port, receiveBuffer)))
        }
        let latencies = Latencies()
        startThread { [flows] in
            datagramClient(spec, counters, latencies, flows)
            latencies.finish()
        }
        var result = Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
        // With several under way nobody knows which answer belongs to which question.
        if spec.inFlight == 1 { latencies.add(to: &result) }
        return result.needingOperations()
    }

    private static func datagramClient(
        _ spec: LoadSpec, _ counters: Counters, _ latencies: Latencies, _ flows: [Int32]
    ) {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(2048, spec.messageSize), alignment: 64)
        memset(buffer, 0x50, spec.messageSize)
        var lastAnswer = [UInt64](repeating: now(), count: flows.count)
        for (index, flow) in flows.enumerated() {
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u64 = UInt64(index)
            epoll_ctl(epoll, EPOLL_CTL_ADD, flow, &event)
            for _ in 0..<spec.inFlight { _ = send(flow, buffer, spec.messageSize, 0) }
        }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var lastLook = now()
        while counters[.stop] == 0 {
            let count = epoll_wait(epoll, &events, 64, 50)
            let time = now()
            for position in 0..<Int(max(0, count)) {
                let index = Int(events[position].data.u64)
                // At most a flow's share per turn, so that all flows move alike.
                for _ in 0..<spec.inFlight {
                    let got = recv(flows[index], buffer, 2048, Int32(MSG_DONTWAIT))
                    guard got >= 0 else { break }
                    counters.add(1, to: .clientOperations)
                    if spec.inFlight == 1 && counters[.recording] == 1 { latencies.record(now() - lastAnswer[index]) }
                    lastAnswer[index] = spec.inFlight == 1 ? now() : time
                    _ = send(flows[index], buffer, spec.messageSize, 0)
                }
            }
            // Datagrams get lost: a flow that is silent for long gets a fresh one in place of all it lost.
            guard time - lastLook > 50_000_000 else { continue }
            lastLook = time
            for index in flows.indices where time > lastAnswer[index] + 100_000_000 {
                counters.add(1, to: .clientErrors)
                lastAnswer[index] = time
                for _ in 0..<spec.inFlight { _ = send(flows[index], buffer, spec.messageSize, 0) }
            }
        }
    }

    static func datagramsOneWay(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        var flows: [Int32] = []
        for _ in 0..<spec.connections {
            flows.append(try CallFailure.check("UDP socket", bench_udp_connect(spec.port, receiveBuffer)))
        }
        startThread { [flows] in sendDatagrams(spec, counters, flows) }
        var result = Window(spec: spec, counters: counters, operations: .backendMessages, bytes: .backendBytes).run()
        // What is under way needs a moment to arrive before it may be called lost.
        sleep(seconds: 0.2)
        result.sent = counters[.clientSent]
        result.delivered = counters[.backendMessages]
        return result.needingOperations()
    }

    /// Sends in small batches to each flow in turn, as fast as it can or at a pace: a flood also measures whose queue
    /// overflows first.
    private static func sendDatagrams(_ spec: LoadSpec, _ counters: Counters, _ flows: [Int32]) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: spec.messageSize, alignment: 64)
        memset(buffer, 0x50, spec.messageSize)
        // Sleep as long as was asked for, not up to 50 µs longer.
        bench_precise_sleep()
        let start = now()
        var sent = 0
        var turn = 0
        while counters[.stop] == 0 {
            var batch = 16
            if let rate = spec.rate {
                let due = Int(Double(now() - start) / 1e9 * rate) - sent
                if due <= 0 {
                    // Asleep, not spinning: the CPU belongs to the proxy meanwhile.
                    sleep(seconds: 100e-6)
                    continue
                }
                batch = min(due, 64)
            }
            turn += 1
            let flow = flows[turn % flows.count]
            let count = Int(bench_udp_send_many(flow, buffer, UInt32(spec.messageSize), Int32(batch)))
            if count <= 0 { continue }
            sent += count
            counters.add(count, to: .clientSent)
        }
    }
}
