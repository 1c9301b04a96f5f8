import Base
import Glibc

/// Where daemons of this machine can be asked, unless their command line says otherwise: a Unix socket each, by the name of
/// the node.
enum AdminSocket {
    static let folder = "/run/portico"

    static func path(ofNode node: String) -> String { "\(folder)/\(prefix)\(node)\(suffix)" }

    // Other sockets stand in the same folder, such as that of a hot restart.
    private static let prefix = "admin-"
    private static let suffix = ".sock"

    /// Those where somebody listens.
    static var all: [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var paths: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(prefix), name.hasSuffix(suffix) { paths.append("\(folder)/\(name)") }
        }
        // One that was killed has left its socket behind.
        return paths.filter { UnixSocketPath.isAnswered($0) }.sorted()
    }
}
