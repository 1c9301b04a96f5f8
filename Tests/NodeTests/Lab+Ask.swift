import Foundation
import TestSupport

/// What a client gets.
enum Answer: Hashable, CustomStringConvertible {
    /// From the pod of that name.
    case pod(String)
    case refused
    /// The kernel does not even send it: that is how a program on the node itself sees a datagram rejected or dropped.
    case forbidden
    /// Nothing, within the time that a client waits.
    case silence
    /// It was connected, and that was all.
    case closed
    case failed(Int32)

    var description: String {
        switch self {
        case .pod(let name): name
        case .refused: "refused"
        case .forbidden: "forbidden"
        case .silence: "silence"
        case .closed: "closed"
        case .failed(let code): String(cString: strerror(code))
        }
    }
}

enum Transport: String, CaseIterable, Sendable { case tcp, udp }

extension Lab {
    /// How long a client waits, in milliseconds. What is going to answer does so in a few.
    static let patience = 1500

    /// Asks once, from a node, a pod or outside.
    ///
    /// - Parameters:
    ///   - path: `/client` asks for the client's address as the pod sees it.
    func ask(
        from place: String, _ address: String, _ port: UInt16, over transport: Transport = .tcp, path: String = "/"
    ) async throws -> Answer {
        try await OwnResources.inNetwork(named: "\(name)-\(place)") {
            try Client.ask(transport, address, port, path)
        }
    }

    /// Asks so many times, and counts the answers.
    func ask(
        _ times: Int, from place: String, _ address: String, _ port: UInt16, over transport: Transport = .tcp,
        patience: Int = Lab.patience
    ) async throws -> [Answer: Int] {
        try await OwnResources.inNetwork(named: "\(name)-\(place)") {
            var counts: [Answer: Int] = [:]
            for _ in 0..<times { counts[try Client.ask(transport, address, port, "/", patience), default: 0] += 1 }
            return counts
        }
    }
}

/// One question and one answer, on the calling thread and in its network.
enum Client {
    static func ask(
        _ transport: Transport, _ host: String, _ port: UInt16, _ path: String, _ patience: Int = Lab.patience
    ) throws -> Answer {
        let family = host.contains(":") ? AF_INET6 : AF_INET
        let type = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
        let socket = Glibc.socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Lab.Failure(description: "socket: \(errno)") }
        defer { close(socket) }
        var limit = timeval(tv_sec: patience / 1000, tv_usec: patience % 1000 * 1000)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard try connect(socket, family, host, port) == 0 else { return answer(for: errno) }
        let question = transport == .tcp ? "GET \(path) HTTP/1.0\r\n\r\n" : "question"
        guard send(socket, question, question.utf8.count, Int32(MSG_NOSIGNAL)) >= 0 else { return answer(for: errno) }
        return receive(socket, transport)
    }

    /// A connection over TCP, on which nothing takes longer than so many milliseconds.
    static func connected(to host: String, _ port: UInt16, _ patience: Int) throws -> Int32 {
        let family = host.contains(":") ? AF_INET6 : AF_INET
        let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Lab.Failure(description: "socket: \(errno)") }
        var limit = timeval(tv_sec: patience / 1000, tv_usec: patience % 1000 * 1000)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard try connect(socket, family, host, port) == 0 else {
            close(socket)
            throw Lab.Failure(description: "connect to \(host): \(answer(for: errno))")
        }
        return socket
    }

    /// Sends datagrams from one port until one is answered, for so many seconds.
    ///
    /// - Parameter source: that port; 0 has the kernel choose.
    static func insist(_ host: String, _ port: UInt16, for seconds: Int, from source: UInt16 = 0) throws -> Answer {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Lab.Failure(description: "socket: \(errno)") }
        defer { close(socket) }
        var limit = timeval(tv_sec: 0, tv_usec: 100_000)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        own.sin_port = source.bigEndian
        let code = withUnsafePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Lab.Failure(description: "bind to port \(source): \(errno)") }
        guard try connect(socket, AF_INET, host, port) == 0 else { return answer(for: errno) }
        var last = Answer.silence
        for _ in 0..<(seconds * 10) {
            send(socket, "question", 8, Int32(MSG_NOSIGNAL))
            last = receive(socket, .udp)
            if case .pod = last { return last }
            usleep(50_000)
        }
        return last
    }

    private static func receive(_ socket: Int32, _ transport: Transport) -> Answer {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0 { return answer(for: errno) }
            text += String(decoding: buffer[..<count], as: UTF8.self)
            // A pod says its name before what it was sent.
            if transport == .udp { return .pod(text.components(separatedBy: ": ")[0]) }
            guard count == 0 else { continue }
            let parts = text.components(separatedBy: "\r\n\r\n")
            return parts.count == 2 ? .pod(parts[1].trimmingCharacters(in: .newlines)) : .closed
        }
    }

    private static func answer(for code: Int32) -> Answer {
        switch code {
        case ECONNREFUSED: .refused
        case EPERM: .forbidden
        case EAGAIN, EINPROGRESS, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH: .silence
        default: .failed(code)
        }
    }

    private static func connect(_ socket: Int32, _ family: Int32, _ host: String, _ port: UInt16) throws -> Int32 {
        if family == AF_INET {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw Lab.Failure(description: host) }
            return withPointer(to: &address) { Glibc.connect(socket, $0, $1) }
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { throw Lab.Failure(description: host) }
        return withPointer(to: &address) { Glibc.connect(socket, $0, $1) }
    }

    private static func withPointer<Address>(
        to address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}
