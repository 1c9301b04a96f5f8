import Base
import EventLoop
import Relay

/// A port of this machine that nobody has, the same for both loopback addresses.
enum FreePort {
    /// - Throws: ``CommandFailure``.
    static func find() throws -> UInt16 {
        for _ in 0..<attempts {
            do throws(SystemError) {
                let first = try TCPSocket.reserve(.loopback(port: 0))
                let port = try TCPSocket.localAddress(of: first).port
                let other = SocketAddress(EndpointAddress(ip: IPAddress(v6High: 0, low: 1), port: port))
                do throws(SystemError) {
                    _ = try TCPSocket.reserve(other)
                    return port
                } catch {
                    // A machine without IPv6 has no such address, and nobody has the port there.
                    guard error.isAddressInUse else { return port }
                }
            } catch {
                throw CommandFailure("no free port is to be had: \(error)")
            }
        }
        throw CommandFailure("no port is free on both 127.0.0.1 and ::1")
    }

    private static let attempts = 20
}
