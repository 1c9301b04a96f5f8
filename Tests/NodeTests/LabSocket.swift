import Glibc

/// TCP sockets over IPv4 in the network of the calling thread. Whoever asks for one closes it.
enum LabSocket {
    /// Blocks until it is connected.
    static func connected(to host: String, _ port: UInt16) throws -> Int32 { try made(host, port, connect) }

    /// Somebody is to accept; so many clients may wait for that.
    static func listening(at host: String, _ port: UInt16, backlog: Int32 = 1024) throws -> Int32 {
        let socket = try made(host, port, bind)
        guard listen(socket, backlog) == 0 else {
            throw Lab.Failure(description: "listen at \(host):\(port): \(errno)")
        }
        return socket
    }

    private static func made(
        _ host: String, _ port: UInt16, _ call: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32
    ) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Lab.Failure(description: "\(host):\(port): \(errno)") }
        return socket
    }
}
