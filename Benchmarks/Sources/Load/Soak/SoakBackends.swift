import CBench
import Glibc
import Synchronization

/// The pods of a soak: echo servers that stay, and such that come and go.
public final class SoakBackends: Sendable {
    public static let echoPort: UInt16 = 9000

    /// When an endpoint closed its listener last, in nanoseconds. The kernel resets who waited in its queue, and then
    /// no proxy is to blame.
    let lastDeath = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - steady: IPv4 addresses of this machine that serve TCP and UDP for the whole run.
    ///   - dying: those that serve TCP, and take turns in serving nobody.
    public init(steady: [UInt32], dying: [UInt32]) throws {
        for address in steady {
            let tcp = try Self.listen(on: address)
            startThread { Self.serve(tcp) }
            let udp = try Self.socket(SOCK_DGRAM, on: address)
            startThread { while bench_udp_echo_many(udp) > 0 {} }
        }
        let listeners = try dying.map { try Self.listen(on: $0) }
        for listener in listeners { startThread { Self.serve(listener) } }
        startThread { [self] in takeTurnsInDying(dying, listeners) }
    }

    private static func serve(_ listener: Int32) {
        while true {
            let connection = bench_tcp_accept(listener, 0)
            if connection == -EBADF || connection == -EINVAL { return }
            guard connection >= 0 else { continue }
            startThread {
                echo(connection)
                close(connection)
            }
        }
    }

    private static func echo(_ connection: Int32) {
        let size = 64 << 10
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = read(connection, buffer, size)
            guard count > 0, writeFully(connection, buffer, count) else { return }
        }
    }

    /// One after another refuses clients for three seconds. What it has accepted it serves to the end.
    private func takeTurnsInDying(_ addresses: [UInt32], _ first: [Int32]) {
        var listeners = first
        var turn = 0
        while true {
            sleep(seconds: 2)
            lastDeath.store(now(), ordering: .relaxed)
            // Wakes the thread that accepts, too.
            shutdown(listeners[turn], Int32(SHUT_RDWR))
            sleep(seconds: 3)
            close(listeners[turn])
            if let listener = try? Self.listen(on: addresses[turn]) {
                listeners[turn] = listener
                startThread { Self.serve(listener) }
            }
            turn = (turn + 1) % addresses.count
        }
    }

    private static func listen(on address: UInt32) throws(CallFailure) -> Int32 {
        let listener = try socket(SOCK_STREAM, on: address)
        guard Glibc.listen(listener, Backend.backlog) == 0 else { throw CallFailure("listen", errno) }
        return listener
    }

    private static func socket(_ type: __socket_type, on address: UInt32) throws(CallFailure) -> Int32 {
        let descriptor = Glibc.socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw CallFailure("socket", errno) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = echoPort.bigEndian
        name.sin_addr.s_addr = address.bigEndian
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw CallFailure("port \(echoPort) of a pod", errno) }
        return descriptor
    }
}
