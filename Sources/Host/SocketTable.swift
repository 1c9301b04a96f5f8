internal import Base

/// The tables of sockets in `/proc/net`, for kernels without the modules that list sockets (`tcp_diag`, `udp_diag`).
enum SocketTable {
    /// As ``ListeningSockets/all(_:port:)``, of one family. The tables do not tell which of those of IPv6 leave IPv4 to
    /// others.
    static func sockets(_ family: IPAddress.Family, _ transport: TransportProtocol) -> [ListeningSocket] {
        // Of the calling thread, which may be in another network namespace than the first one of the process.
        let path = "/proc/thread-self/net/\(transport == .udp ? "udp" : "tcp")\(family == .ipv4 ? "" : "6")"
        guard case .success(let text) = KernelFile.read(path) else { return [] }
        return sockets(in: text, transport)
    }

    static func sockets(in text: String, _ transport: TransportProtocol) -> [ListeningSocket] {
        let waiting = transport == .udp ? "07" : "0A"
        return text.split(separator: "\n").dropFirst().compactMap { line in
            // Number, own address, the other's, state, queues, timer, retransmits, user, timeout, inode.
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == waiting, let own = self.address(fields[1]),
                let inode = UInt32(fields[9])
            else { return nil }
            return ListeningSocket(address: own, inode: inode)
        }
    }

    /// `0100007F:1F90`: words of the address as they are in memory, and the port as a number.
    private static func address(_ text: Substring) -> EndpointAddress? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
        let digits = Array(parts[0])
        let words = stride(from: 0, to: digits.count, by: 8).compactMap { start in
            UInt32(String(digits[start..<min(start + 8, digits.count)]), radix: 16).map {
                UInt64(UInt32(bigEndian: $0))
            }
        }
        switch words.count {
        case 1: return EndpointAddress(ip: IPAddress(v4: UInt32(words[0])), port: port)
        case 4:
            return EndpointAddress(
                ip: IPAddress(v6High: words[0] << 32 | words[1], low: words[2] << 32 | words[3]), port: port)
        default: return nil
        }
    }
}
