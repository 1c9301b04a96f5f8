import CBench
import Glibc

/// The load generator: plays one scenario against one port and says what it saw.
public enum Load {
    /// Runs to the end of the window. Threads may still be going when it returns: the process is expected to exit.
    ///
    /// `hold` is called by scenarios whose result is a state to be looked at from outside, once it is reached.
    public static func run(_ spec: LoadSpec, hold: () -> Void = {}) -> LoadResult {
        guard let counters = Counters(path: spec.counters) else {
            var result = LoadResult()
            result.failure = "no counters at \(spec.counters)"
            return result
        }
        counters.reset()
        // Threads inherit it.
        if spec.cpu >= 0 { _ = bench_pin(0, Int32(spec.cpu)) }
        do {
            switch spec.kind {
            case .bulkUp: return try bulkUp(spec, counters)
            case .bulkDown: return try bulkDown(spec, counters)
            case .echo: return try echo(spec, counters)
            case .roundTrips:
                return spec.connections == 1 ? try oneAtATime(spec, counters) : try roundTrips(spec, counters)
            case .shortConnections: return try shortConnections(spec, counters)
            case .idlePairs: return try idlePairs(spec, hold: hold)
            case .halfClose: return try halfClose(spec)
            case .datagramRoundTrips: return try datagramRoundTrips(spec, counters)
            case .datagramsOneWay: return try datagramsOneWay(spec, counters)
            case .pausedReader: return try pausedReader(spec, counters)
            case .neighbours: return try neighbours(spec, counters, ready: hold)
            }
        } catch {
            var result = LoadResult()
            result.failure = error.description
            return result
        }
    }

    /// Opens the connections of a run, all before the first byte goes out.
    static func connect(_ spec: LoadSpec, nonblocking: Bool = false) throws(CallFailure) -> [Int32] {
        var connections: [Int32] = []
        for _ in 0..<spec.connections {
            connections.append(try CallFailure.check("connect", bench_tcp_connect(spec.port, nonblocking ? 1 : 0)))
        }
        return connections
    }
}

/// Reads exactly `count` bytes or fails.
func readFully(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Bool {
    var done = 0
    while done < count {
        let got = read(descriptor, buffer + done, count - done)
        guard got > 0 else { return false }
        done += got
    }
    return true
}

/// Writes exactly `count` bytes or fails.
func writeFully(_ descriptor: Int32, _ buffer: UnsafeRawPointer, _ count: Int) -> Bool {
    var done = 0
    while done < count {
        let put = send(descriptor, buffer + done, count - done, Int32(MSG_NOSIGNAL))
        guard put > 0 else { return false }
        done += put
    }
    return true
}
