internal import Base
internal import Glibc

/// How large the kernel's older tables of rules are: whoever flushes one, or adds or deletes a rule, changes that.
///
/// A rule that is replaced by one of equal size is not noticed; the look at every period finds it.
struct LegacyTables: Hashable, Sendable {
    /// Rules and bytes of a table, by family and name.
    private var sizes: [String: [UInt32]] = [:]

    private static let tables = ["nat", "filter", "mangle"]

    /// Empty where there are none, or they may not be looked at.
    static func current() -> LegacyTables {
        var tables = LegacyTables()
        for family in IPAddress.Family.allCases {
            let list = family == .ipv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names"
            // Only those that are there: asking for another one would load it into the kernel.
            let present = read(list).split(separator: "\n").map(String.init)
            let names = Self.tables.filter(present.contains)
            guard !names.isEmpty else { continue }
            let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
            let socket = Glibc.socket(family == .ipv4 ? AF_INET : AF_INET6, type, 0)
            guard socket >= 0 else { continue }
            defer { close(socket) }
            for name in names { tables.sizes["\(family) \(name)"] = size(of: name, family, socket) }
        }
        return tables
    }

    /// `struct ipt_getinfo` of `linux/netfilter_ipv4/ip_tables.h`, and the same for IPv6: the name in 32 bytes, eleven
    /// numbers about the hooks, then rules and bytes.
    private static func size(of table: String, _ family: IPAddress.Family, _ socket: Int32) -> [UInt32]? {
        let (level, getInfo): (Int32, Int32) = (family == .ipv4 ? 0 : 41, 64)
        var info = [UInt8](repeating: 0, count: 84)
        for (index, byte) in table.utf8.enumerated() { info[index] = byte }
        var length = socklen_t(info.count)
        guard getsockopt(socket, level, getInfo, &info, &length) == 0 else { return nil }
        return info.withUnsafeBytes { bytes in
            [76, 80].map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self) }
        }
    }

    private static func read(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(file, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
}
