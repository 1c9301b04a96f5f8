import Glibc
import TestSupport

/// Sockets of both families and transports for tests in namespaces, by system calls alone.
enum TransparentDial {
    enum Transport: Sendable, CaseIterable {
        case tcp, udp

        var type: Int32 { Int32((self == .tcp ? SOCK_STREAM : SOCK_DGRAM).rawValue | SOCK_CLOEXEC.rawValue) }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ call: String) { description = "\(call): errno \(errno)" }
    }

    /// A server of a pod: the address and port to dial. It answers with nothing but what the caller lets it.
    static func serve(_ transport: Transport, on host: String, _ port: UInt16, in pid: Int32) async throws -> Int32 {
        try await OwnResources.inNetwork(of: pid) {
            let server = try socket(transport, host)
            try address(host, port) { pointer, length in
                guard bind(server, pointer, length) == 0 else { throw Failure("bind \(host)") }
            }
            if transport == .tcp, listen(server, 64) != 0 { throw Failure("listen") }
            return server
        }
    }

    /// A socket of the network `pid` that is connected to the pod from the address `source`, which need not be that network's.
    static func dial(
        _ transport: Transport, from source: String, to host: String, _ port: UInt16, in pid: Int32
    ) async throws -> Int32 {
        try await OwnResources.inNetwork(of: pid) {
            let client = try socket(transport, host)
            var yes: Int32 = 1
            // IP_TRANSPARENT, IPV6_TRANSPARENT
            let (level, option): (Int32, Int32) =
                host.contains(":") ? (Int32(IPPROTO_IPV6), 75) : (Int32(IPPROTO_IP), 19)
            guard setsockopt(client, level, option, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
            else { throw Failure("transparent") }
            try address(source, 0) { pointer, length in
                guard bind(client, pointer, length) == 0 else { throw Failure("bind \(source)") }
            }
            do {
                try address(host, port) { pointer, length in
                    guard connect(client, pointer, length) == 0 else { throw Failure("connect \(host)") }
                }
            } catch {
                close(client)
                throw error
            }
            return client
        }
    }

    /// Sends a question and answers it; returns whom the pod saw, and what came back.
    static func exchange(
        _ transport: Transport, _ client: Int32, _ server: Int32
    ) throws -> (peer: String, text: String) {
        guard send(client, "question", 8, 0) == 8 else { throw Failure("send") }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var buffer = [UInt8](repeating: 0, count: 100)
        try withUnsafeMutablePointer(to: &storage) { storage in
            try storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
                switch transport {
                case .tcp:
                    let accepted = accept(server, peer, &length)
                    guard accepted >= 0 else { throw Failure("accept") }
                    defer { close(accepted) }
                    guard send(accepted, "answer", 6, 0) == 6 else { throw Failure("answer") }
                case .udp:
                    guard recvfrom(server, &buffer, buffer.count, 0, peer, &length) == 8 else {
                        throw Failure("receive")
                    }
                    guard sendto(server, "answer", 6, 0, peer, length) == 6 else { throw Failure("answer") }
                }
            }
        }
        let count = recv(client, &buffer, buffer.count, 0)
        guard count > 0 else { throw Failure("no answer") }
        var name = [CChar](repeating: 0, count: 64)
        let status = withUnsafePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo($0, length, &name, 64, nil, 0, NI_NUMERICHOST)
            }
        }
        guard status == 0 else { throw Failure("getnameinfo") }
        let peer = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (String(decoding: peer, as: UTF8.self), String(decoding: buffer[..<count], as: UTF8.self))
    }

    /// Blocking, for at most half a second each.
    static func socket(_ transport: Transport, _ host: String) throws -> Int32 {
        let descriptor = Glibc.socket(host.contains(":") ? AF_INET6 : AF_INET, transport.type, 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        var limit = timeval(tv_sec: 0, tv_usec: 500_000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        return descriptor
    }

    static func address(
        _ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
    ) throws {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &list) == 0, let first = list else { throw Failure(host) }
        defer { freeaddrinfo(list) }
        guard let pointer = first.pointee.ai_addr else { throw Failure(host) }
        try body(pointer, first.pointee.ai_addrlen)
    }
}
