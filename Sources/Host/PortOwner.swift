internal import EventLoop
internal import Foundation
internal import Glibc
public import Services

/// Finds out which process listens on an address, for error messages: knowing that a port is taken helps little, knowing by
/// whom helps a lot.
public enum PortOwner {
    /// The name and number of a process that listens where `address` would, such as `nginx (pid 812)`. Nil if there is none
    /// to be seen: other users' processes show only to root.
    public static func find(_ address: EndpointAddress) -> String? {
        let inodes = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners(in: $0, on: address.port) })
        guard !inodes.isEmpty else { return nil }
        let wanted = Set(inodes.map { "socket:[\($0)]" })
        let files = FileManager.default
        for process in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(process) != nil {
            let folder = "/proc/\(process)/fd"
            for descriptor in (try? files.contentsOfDirectory(atPath: folder)) ?? [] {
                guard let target = try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)"),
                    wanted.contains(target)
                else { continue }
                let name = (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? "a process"
                return "\(name.trimmingCharacters(in: .whitespacesAndNewlines)) (pid \(process))"
            }
        }
        return nil
    }

    /// The inode numbers of sockets that listen on `port`: in `/proc/net/tcp` (proc(5)) the second column is the local
    /// address in hexadecimal, the fourth the state (0A is LISTEN), the tenth the inode.
    private static func listeners(in path: String, on port: UInt16) -> [String] {
        guard let table = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return table.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count > 9, columns[3] == "0A", let colon = columns[1].lastIndex(of: ":"),
                UInt16(columns[1][columns[1].index(after: colon)...], radix: 16) == port
            else { return nil }
            return String(columns[9])
        }
    }
}
