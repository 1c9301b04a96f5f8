import CBench
import Glibc

/// Scenarios that reach a state instead of a rate.
extension Load {
    /// Opens the connections, proves each with one round trip, and holds them while `hold` lasts.
    static func idlePairs(_ spec: LoadSpec, hold: () -> Void) throws(CallFailure) -> LoadResult {
        var buffer = [UInt8](repeating: 0x50, count: spec.messageSize)
        var connections: [Int32] = []
        var result = LoadResult()
        for _ in 0..<spec.connections {
            let connection = try CallFailure.check("connect", bench_tcp_connect(spec.port, 0))
            connections.append(connection)
            var patience = timeval(tv_sec: 5, tv_usec: 0)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            guard writeFully(connection, &buffer, buffer.count), readFully(connection, &buffer, buffer.count) else {
                result.failure = "connection \(connections.count) carries nothing"
                return result
            }
            result.operations += 1
        }
        hold()
        return result
    }

    /// Sends, ends its own direction, and sees whether the answer still comes.
    static func halfClose(_ spec: LoadSpec) throws(CallFailure) -> LoadResult {
        let connection = try CallFailure.check("connect", bench_tcp_connect(spec.port, 0))
        var patience = timeval(tv_sec: 3, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var buffer = [UInt8](repeating: 0x50, count: spec.messageSize)
        var result = LoadResult()
        guard writeFully(connection, &buffer, buffer.count) else {
            result.failure = "the request was refused"
            return result
        }
        shutdown(connection, Int32(SHUT_WR))
        // The whole answer, then the end of the stream.
        result.works = readFully(connection, &buffer, buffer.count) && read(connection, &buffer, 1) == 0
        return result
    }
}
