public import Base
internal import Glibc

/// Finds out which process listens on an address: knowing that a port is taken helps little, knowing by whom helps a lot.
public enum PortOwner {
    /// The name and number of a process that listens where `address` would, such as `nginx (pid 812)`. Nil if there is none
    /// to be seen: other users' processes show only to root. One that listens at another address than this is none.
    public static func find(_ address: EndpointAddress, _ transport: TransportProtocol = .tcp) -> String? {
        let name = transport == .udp ? "udp" : "tcp"
        let inodes = Set(
            ["/proc/net/\(name)", "/proc/net/\(name)6"].flatMap { listeners(in: $0, at: address, transport) })
        guard !inodes.isEmpty else { return nil }
        let wanted = Set(inodes.map { "socket:[\($0)]" })
        for process in KernelFile.names(in: "/proc") where Int(process) != nil {
            let folder = "/proc/\(process)/fd"
            for descriptor in KernelFile.names(in: folder) {
                guard let target = KernelFile.target(of: "\(folder)/\(descriptor)"), wanted.contains(target)
                else { continue }
                let name = (try? KernelFile.read("/proc/\(process)/comm").get()) ?? "a process"
                return "\(name) (pid \(process))"
            }
        }
        return nil
    }

    /// The inode numbers of sockets that listen at `address`: in `/proc/net/tcp` and `udp` (proc(5)) the second column is the
    /// local address in hexadecimal, the fourth the state (0A is LISTEN, 07 a UDP socket that takes from everybody), the
    /// tenth the inode.
    private static func listeners(
        in path: String, at address: EndpointAddress, _ transport: TransportProtocol
    ) -> [String] {
        guard let table = try? KernelFile.read(path).get() else { return [] }
        let state = transport == .udp ? "07" : "0A"
        return table.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count > 9, columns[3] == state else { return nil }
            let parts = columns[1].split(separator: ":")
            guard parts.count == 2, UInt16(parts[1], radix: 16) == address.port, let ip = Self.address(parts[0])
            else { return nil }
            return ip.isUnspecified || address.ip.isUnspecified || ip == address.ip ? String(columns[9]) : nil
        }
    }

    /// Words of 32 bits, each as the machine stores it.
    private static func address(_ text: Substring) -> IPAddress? {
        let digits = Array(text)
        let words = stride(from: 0, to: digits.count, by: 8).compactMap { start in
            UInt32(String(digits[start..<min(start + 8, digits.count)]), radix: 16).map { UInt64($0.bigEndian) }
        }
        switch words.count {
        case 1: return IPAddress(v4: UInt32(words[0]))
        case 4: return IPAddress(v6High: words[0] << 32 | words[1], low: words[2] << 32 | words[3])
        default: return nil
        }
    }
}
