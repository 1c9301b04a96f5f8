import CBench
import Glibc

/// Streams down, and beside them one connection with an echo whose reader takes nothing for a while: what a slow reader
/// does to its neighbours, and what becomes of its own bytes.
extension Load {
    /// More than sockets and buffers on the way hold, so that all of them are full while it pauses.
    static let pausedBytes = 64 << 20

    static func pausedReader(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let connections = try connect(spec)
        for connection in connections {
            startThread {
                readAndCount(connection, spec.messageSize, counters)
                counters.add(1, to: .clientErrors)
            }
        }
        // First without it, then beside it: the second window begins when everything on its way has filled up.
        let before = Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
        counters[.stop] = 0
        let paused = try CallFailure.check("connect", bench_tcp_connect(spec.otherPort, 0))
        startThread { writePattern(to: paused) }
        var beside = spec
        beside.seconds = max(0.1, spec.pause - spec.warmUp)
        var result = Window(spec: beside, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
        guard before.bytes > 0 else {
            result.failure = "nothing arrived before the pause"
            return result
        }
        let rates = [before, result].map { Double($0.bytes) / $0.seconds }
        result.kept = rates[1] / rates[0]
        result.works = readPattern(from: paused)
        return result
    }

    private static func readAndCount(_ connection: Int32, _ size: Int, _ counters: Counters) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        while true {
            let count = read(connection, buffer, size)
            guard count > 0 else { return }
            counters.add(count, to: .clientBytes)
            counters.add(1, to: .clientOperations)
        }
    }

    /// A period no buffer has.
    private static let pattern = (0..<251 * 256).map { UInt8($0 % 251) }

    private static func writePattern(to connection: Int32) {
        var sent = 0
        while sent < pausedBytes {
            let count = min(pattern.count, pausedBytes - sent)
            guard
                pattern.withUnsafeBytes({ bytes in
                    bytes.baseAddress.map { writeFully(connection, $0, count) } ?? false
                })
            else { return }
            sent += count
        }
        shutdown(connection, Int32(SHUT_WR))
    }

    /// Whether all of it comes back as it was, and then the end.
    private static func readPattern(from connection: Int32) -> Bool {
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var chunk = [UInt8](repeating: 0, count: pattern.count)
        var position = 0
        while true {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { return count == 0 && position == pausedBytes }
            for index in 0..<count where chunk[index] != UInt8((position + index) % 251) { return false }
            position += count
        }
    }
}
