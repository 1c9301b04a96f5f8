public import Base
internal import EventLoop
internal import Glibc

/// The system's resolver, off the cooperative threads, since it blocks.
public enum HostResolver {
    /// The addresses of `name`, IPv4 first; empty if it has none or cannot be resolved now.
    public static func addresses(of name: String) async -> [IPAddress] {
        await withCheckedContinuation { continuation in
            do throws(SystemError) {
                _ = try LoopThread(name: "resolve") { continuation.resume(returning: lookUp(name)) }
            } catch {
                continuation.resume(returning: [])
            }
        }
    }

    private static func lookUp(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        for entry in sequence(first: list, next: { $0?.pointee.ai_next }).compactMap({ $0 }) {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let result = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            guard result == 0, let ip = IPAddress(String(decoding: bytes, as: UTF8.self)), !found.contains(ip)
            else { continue }
            found.append(ip)
        }
        return found.sorted()
    }
}
