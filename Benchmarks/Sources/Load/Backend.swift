import CBench
import Glibc

/// The server behind the proxy: listens on one port and serves until it is killed.
public enum Backend {
    /// `ready` is called once connections or datagrams will be taken.
    public static func run(_ spec: BackendSpec, ready: () -> Void) -> String {
        guard let counters = Counters(path: spec.counters) else { return "no counters at \(spec.counters)" }
        do {
            switch spec.kind {
            case .datagramEcho, .datagramSink, .datagramSinkAndEcho: try serveDatagrams(spec, counters, ready)
            case .respond: try respond(spec, ready)
            case .sink, .source, .echo, .answerAfterEnd, .sinkAndEcho: try serveStreams(spec, counters, ready)
            }
        } catch {
            return error.description
        }
        return "ended"
    }

    static let backlog: Int32 = 4096

    private static func serveDatagrams(
        _ spec: BackendSpec, _ counters: Counters, _ ready: () -> Void
    ) throws(CallFailure) {
        let socket = try CallFailure.check("UDP port \(spec.port)", bench_udp_bind(spec.port, Load.receiveBuffer))
        ready()
        while true {
            let count =
                switch spec.kind {
                case .datagramEcho: bench_udp_echo_many(socket)
                case .datagramSinkAndEcho: bench_udp_echo_smaller(socket, UInt32(spec.messageSize))
                default: bench_udp_receive_many(socket)
                }
            guard count > 0 else { continue }
            counters.add(Int(count), to: .backendMessages)
            counters.add(Int(count) * spec.messageSize, to: .backendBytes)
        }
    }

    private static func serveStreams(
        _ spec: BackendSpec, _ counters: Counters, _ ready: () -> Void
    ) throws(CallFailure) {
        let listener = try CallFailure.check("TCP port \(spec.port)", bench_tcp_listen(spec.port, backlog))
        ready()
        while true {
            let connection = bench_tcp_accept(listener, 0)
            guard connection >= 0 else { continue }
            startThread {
                serve(connection, spec, counters)
                close(connection)
            }
        }
    }

    private static func serve(_ connection: Int32, _ spec: BackendSpec, _ counters: Counters) {
        let size = max(spec.messageSize, 1)
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        memset(buffer, 0x51, size)
        switch spec.kind {
        case .source:
            while writeFully(connection, buffer, size) {}
        case .sink:
            while true {
                let count = read(connection, buffer, size)
                guard count > 0 else { return }
                counters.add(count, to: .backendBytes)
                counters.add(1, to: .backendMessages)
            }
        case .echo:
            while true {
                let count = read(connection, buffer, size)
                guard count > 0, writeFully(connection, buffer, count) else { return }
            }
        case .answerAfterEnd:
            while read(connection, buffer, size) > 0 {}
            // Time enough for a proxy that takes one end of a stream for both to close the wrong one.
            sleep(seconds: 0.1)
            _ = writeFully(connection, buffer, size)
        case .sinkAndEcho:
            serveSinkAndEcho(connection, buffer, size, counters)
        case .respond, .datagramEcho, .datagramSink, .datagramSinkAndEcho:
            return
        }
    }

    /// Bulk and small messages of one service meet the same backend: a stream's first read tells which it is.
    private static func serveSinkAndEcho(
        _ connection: Int32, _ buffer: UnsafeMutableRawPointer, _ size: Int, _ counters: Counters
    ) {
        var isEcho: Bool?
        while true {
            let count = read(connection, buffer, size)
            guard count > 0 else { return }
            if isEcho == nil { isEcho = count == 1 }
            if isEcho == true {
                guard writeFully(connection, buffer, count) else { return }
            } else {
                counters.add(count, to: .backendBytes)
                counters.add(1, to: .backendMessages)
            }
        }
    }
}
