import CBench
import Glibc
import Histogram
import Synchronization

/// All kinds of clients of one proxy at once, each at its own measured pace, so that a run is as heavy at its end as at
/// its beginning, and none of them may lose anything.
public final class SoakTraffic: Sendable {
    /// Where the proxy serves, on 127.0.0.1.
    public struct Doors: Sendable {
        public var steady, dying, datagrams: UInt16

        public init(steady: UInt16, dying: UInt16, datagrams: UInt16) {
            (self.steady, self.dying, self.datagrams) = (steady, dying, datagrams)
        }
    }

    public enum Kind: String, CaseIterable, Sendable, Codable {
        case short = "short connections"
        case dying = "short connections to dying endpoints"
        case long = "long connections"
        case bulk = "bulk streams"
        case datagrams = "datagrams"
        case pingPong = "ping-pong"
    }

    /// What the clients of one kind have seen.
    public struct Tally: Sendable {
        public var done = 0
        public var lost = 0
        /// The endpoint itself has cut them off.
        public var excused = 0
        /// The first that was lost, in words.
        public var first: String?

        public init() {}
    }

    private let doors: Doors
    private let backends: SoakBackends
    /// Seconds that a long connection and a bulk stream last.
    private let life: Double
    private let tallies = Mutex<[Kind: Tally]>([:])
    private let roundTrips = Mutex(SoakTraffic.emptyHistogram())
    private let isOver = Atomic<Bool>(false)
    private let start = now()

    public init(to doors: Doors, of backends: SoakBackends, life: Double) {
        self.doors = doors
        self.backends = backends
        self.life = life
        for _ in 0..<2 { startThread { [self] in shortConnections(.short, doors.steady, pause: 0.005) } }
        startThread { [self] in shortConnections(.dying, doors.dying, pause: 0.01) }
        for number in 0..<16 { startThread { [self] in longConnections(number) } }
        for _ in 0..<2 { startThread { [self] in bulkStreams() } }
        for _ in 0..<4 { startThread { [self] in datagramFlow() } }
        startThread { [self] in pingPong() }
    }

    public func stop() { isOver.store(true, ordering: .relaxed) }

    public var result: [Kind: Tally] { tallies.withLock { $0 } }

    /// What the round trips of the ping-pong took since this was asked last.
    public func takeRoundTrips() -> Percentiles? {
        let histogram = roundTrips.withLock { histogram in
            let taken = histogram
            histogram = Self.emptyHistogram()
            return taken
        }
        guard histogram.totalCount > 0 else { return nil }
        return Percentiles(p50: histogram.valueAtPercentile(50), p99: histogram.valueAtPercentile(99))
    }

    private static func emptyHistogram() -> Histogram<UInt64> {
        Histogram<UInt64>(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
    }

    private var goesOn: Bool { !isOver.load(ordering: .relaxed) }

    private func count(_ kind: Kind, _ change: (inout Tally) -> Void) {
        tallies.withLock { change(&$0[kind, default: Tally()]) }
    }

    private func lose(_ kind: Kind, _ what: String, _ code: Int32 = errno) {
        // What the end of the run cuts off is nobody's loss.
        guard goesOn else { return }
        let seconds = (now() - start) / 1_000_000_000
        count(kind) { tally in
            tally.lost += 1
            if tally.first == nil { tally.first = "after \(seconds) s, \(what): \(String(cString: strerror(code)))" }
        }
    }

    // MARK: Clients

    /// A connection to a door; what does not answer within ten seconds counts as lost.
    private func connect(_ port: UInt16) -> Int32 {
        let connection = bench_tcp_connect(port, 0)
        if connection < 0 { errno = -connection } else { limitWaiting(connection) }
        return connection
    }

    private func limitWaiting(_ descriptor: Int32) {
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// A message there and back; 0, or the errno.
    private func exchange(_ connection: Int32, _ buffer: UnsafeMutableRawPointer, _ size: Int) -> Int32 {
        errno = 0
        guard writeFully(connection, buffer, size), readFully(connection, buffer, size) else {
            // An end where an answer is due has no errno.
            return errno == 0 ? ECONNABORTED : errno
        }
        return 0
    }

    private func withBuffer(_ size: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        memset(buffer, 0x50, size)
        body(buffer)
        buffer.deallocate()
    }

    private func shortConnections(_ kind: Kind, _ port: UInt16, pause: Double) {
        withBuffer(64) { buffer in
            while goesOn {
                let begun = now()
                let connection = connect(port)
                let code = connection < 0 ? errno : exchange(connection, buffer, 64)
                if code == 0 {
                    count(kind) { $0.done += 1 }
                } else if kind == .dying, isNearDeath(begun) {
                    count(kind) { $0.excused += 1 }
                } else {
                    lose(kind, "a connection", code)
                }
                if connection >= 0 { close(connection) }
                sleep(seconds: pause)
            }
        }
    }

    /// Whether an endpoint has died since shortly before `begun`.
    private func isNearDeath(_ begun: UInt64) -> Bool {
        backends.lastDeath.load(ordering: .relaxed) + 500_000_000 > begun
    }

    /// Connections that say something every half second.
    private func longConnections(_ number: Int) {
        // Not all at the same moment.
        sleep(seconds: Double(number) * 0.3)
        withBuffer(256) { buffer in
            while goesOn {
                let end = now() + UInt64(life * 1e9)
                let connection = connect(doors.steady)
                var code = connection < 0 ? errno : 0
                while code == 0, goesOn, now() < end {
                    code = exchange(connection, buffer, 256)
                    sleep(seconds: 0.5)
                }
                if code == 0 { count(.long) { $0.done += 1 } } else { lose(.long, "a connection", code) }
                if connection >= 0 { close(connection) }
            }
        }
    }

    /// Streams of 1 MiB every 50 ms up and down, which have to end as they were begun: all of it, then the end.
    private func bulkStreams() {
        while goesOn {
            let connection = connect(doors.steady)
            guard connection >= 0 else {
                lose(.bulk, "a stream", errno)
                sleep(seconds: 1)
                continue
            }
            let end = now() + UInt64(life * 1e9)
            let sent = Atomic<Int>(0)
            let returned = received(of: connection) { [self] in
                withBuffer(1 << 20) { buffer in
                    while goesOn, now() < end, writeFully(connection, buffer, 1 << 20) {
                        sent.wrappingAdd(1 << 20, ordering: .relaxed)
                        sleep(seconds: 0.05)
                    }
                }
                shutdown(connection, Int32(SHUT_WR))
            }
            let wanted = sent.load(ordering: .relaxed)
            if returned == wanted {
                count(.bulk) { $0.done += 1 }
            } else {
                lose(.bulk, "a stream, of \(wanted) bytes \(returned) came back", ECONNABORTED)
            }
            close(connection)
        }
    }

    /// Runs `write` on this thread, and reads on another one until the end of the stream; the bytes that came.
    private func received(of connection: Int32, while write: () -> Void) -> Int {
        final class Reader: Sendable {
            let bytes = Atomic<Int>(0)
            let isDone = Atomic<Bool>(false)
        }
        let reader = Reader()
        startThread {
            let size = 256 << 10
            let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
            while true {
                let count = read(connection, buffer, size)
                guard count > 0 else { break }
                reader.bytes.wrappingAdd(count, ordering: .relaxed)
            }
            buffer.deallocate()
            reader.isDone.store(true, ordering: .releasing)
        }
        write()
        while !reader.isDone.load(ordering: .acquiring) { sleep(seconds: 0.01) }
        return reader.bytes.load(ordering: .relaxed)
    }

    /// A question every 10 ms, each of which has to be answered. The flow is a new one now and then.
    private func datagramFlow() {
        withBuffer(200) { buffer in
            while goesOn {
                let flow = bench_udp_connect(doors.datagrams, 1 << 20)
                guard flow >= 0 else { return lose(.datagrams, "a socket", -flow) }
                limitWaiting(flow)
                let end = now() + UInt64(life * 1e9)
                while goesOn, now() < end {
                    if send(flow, buffer, 200, 0) == 200, recv(flow, buffer, 200, 0) == 200 {
                        count(.datagrams) { $0.done += 1 }
                    } else {
                        lose(.datagrams, "a datagram")
                    }
                    sleep(seconds: 0.01)
                }
                close(flow)
            }
        }
    }

    /// The neighbour: one byte there and back every millisecond, on a connection that lasts as long as the long ones.
    private func pingPong() {
        bench_precise_sleep()
        withBuffer(1) { buffer in
            while goesOn {
                let end = now() + UInt64(life * 1e9)
                let connection = connect(doors.steady)
                var code = connection < 0 ? errno : 0
                while code == 0, goesOn, now() < end {
                    let begun = now()
                    code = exchange(connection, buffer, 1)
                    let taken = now() - begun
                    if code == 0 { roundTrips.withLock { _ = $0.record(taken) } }
                    sleep(seconds: 0.001)
                }
                if code == 0 { count(.pingPong) { $0.done += 1 } } else { lose(.pingPong, "a connection", code) }
                if connection >= 0 { close(connection) }
            }
        }
    }
}
