import CBench
import Glibc

/// Small neighbours of a large load: ping-pongs, new connections and paced datagrams, each from a thread of its own.
extension Load {
    /// A datagram is given up after this, and counts as one that took as long.
    private static let patience = 0.5
    /// Several flows, or one hash would decide which of a proxy's workers is measured.
    private static let flows = 8

    /// `ready` is called once all that is to last is open; the load comes after that, and these find out what it does
    /// to them.
    static func neighbours(_ spec: LoadSpec, _ counters: Counters, ready: () -> Void) throws(CallFailure) -> LoadResult
    {
        var watched: [(spec: NeighbourSpec, neighbour: Neighbour)] = []
        for neighbourSpec in spec.neighbours {
            let neighbour = Neighbour()
            watched.append((neighbourSpec, neighbour))
            switch neighbourSpec.kind {
            case .roundTrip:
                let connection = try CallFailure.check("connect", bench_tcp_connect(neighbourSpec.port, 0))
                startThread { pingPong(connection, neighbourSpec, neighbour, counters) }
            case .connect:
                startThread { connectAgainAndAgain(neighbourSpec, neighbour, counters) }
            case .datagram:
                var sockets: [Int32] = []
                for _ in 0..<flows {
                    sockets.append(
                        try CallFailure.check("UDP socket", bench_udp_connect(neighbourSpec.port, receiveBuffer)))
                }
                startThread { [sockets] in pace(sockets, neighbourSpec, neighbour, counters) }
            }
        }
        ready()
        sleep(seconds: spec.warmUp)
        let start = now()
        for (_, neighbour) in watched { neighbour.beginWindow(at: start, seconds: spec.seconds) }
        sleep(seconds: spec.seconds)
        var result = LoadResult()
        result.seconds = Double(now() - start) / 1e9
        result.neighbours = watched.map { spec, neighbour in neighbour.result(spec.name, at: now()) }
        counters[.stop] = 1
        if let dead = result.neighbours?.first(where: { $0.operations == 0 }) {
            result.failure = "\(dead.name): no operation in the window"
        }
        return result
    }

    private static func pingPong(
        _ connection: Int32, _ spec: NeighbourSpec, _ neighbour: Neighbour, _ counters: Counters
    ) {
        bench_precise_sleep()
        var byte: UInt8 = 0x51
        while counters[.stop] == 0 {
            let start = now()
            neighbour.begin(at: start)
            guard writeFully(connection, &byte, 1), readFully(connection, &byte, 1) else { return neighbour.fail() }
            neighbour.end(at: now())
            rest(from: start, spec.interval)
        }
    }

    private static func connectAgainAndAgain(_ spec: NeighbourSpec, _ neighbour: Neighbour, _ counters: Counters) {
        bench_precise_sleep()
        var byte: UInt8 = 0x51
        while counters[.stop] == 0 {
            let start = now()
            neighbour.begin(at: start)
            let connection = bench_tcp_connect(spec.port, 0)
            if connection >= 0, writeFully(connection, &byte, 1), readFully(connection, &byte, 1) {
                neighbour.end(at: now())
            } else {
                neighbour.fail()
            }
            if connection >= 0 { close(connection) }
            rest(from: start, spec.interval)
        }
    }

    private static func pace(_ sockets: [Int32], _ spec: NeighbourSpec, _ neighbour: Neighbour, _ counters: Counters) {
        bench_precise_sleep()
        var number: UInt64 = 0
        while counters[.stop] == 0 {
            number += 1
            let socket = sockets[Int(number % UInt64(sockets.count))]
            let start = now()
            neighbour.begin(at: start)
            var question = number
            _ = send(socket, &question, MemoryLayout<UInt64>.size, 0)
            if isAnswered(socket, number, until: start + UInt64(patience * 1e9)) {
                neighbour.end(at: now())
            } else {
                neighbour.lose(at: now())
            }
            rest(from: start, spec.interval)
        }
    }

    /// Waits for one answer, past those that are too late.
    private static func isAnswered(_ socket: Int32, _ number: UInt64, until deadline: UInt64) -> Bool {
        var answer: UInt64 = 0
        while true {
            let time = now()
            guard time < deadline else { return false }
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, Int32((deadline - time) / 1_000_000) + 1) > 0 else { continue }
            let got = recv(socket, &answer, MemoryLayout<UInt64>.size, Int32(MSG_DONTWAIT))
            if got == MemoryLayout<UInt64>.size && answer == number { return true }
        }
    }

    /// Sleeps for what is left of the interval: a neighbour that got its answer late goes on at once.
    private static func rest(from start: UInt64, _ interval: Double) {
        sleep(seconds: interval - Double(now() - start) / 1e9)
    }
}
