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
        return paths.filter(isAnswered).sorted()
    }

    /// One that was killed leaves its socket behind. Whether this process may use it does not matter here.
    private static func isAnswered(_ path: String) -> Bool {
        var address = sockaddr_un()
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 || errno == EACCES || errno == EAGAIN
    }
}
