internal import Glibc

/// What a process needs beside the number of its user: a capability of capabilities(7). Root in a container has few.
public enum Privilege: Int, Sendable, CaseIterable {
    case netBindService = 10
    case netAdmin = 12
    case netRaw = 13
    case sysResource = 24

    var name: String {
        switch self {
        case .netBindService: "NET_BIND_SERVICE"
        case .netAdmin: "NET_ADMIN"
        case .netRaw: "NET_RAW"
        case .sysResource: "SYS_RESOURCE"
        }
    }

    /// Whether this process has it; also where that cannot be told.
    public var isInForce: Bool { Self.effective().map { $0 >> UInt64(rawValue) & 1 == 1 } ?? true }

    /// What to do about something that was not permitted and takes `privileges`, in words that fit this process.
    ///
    /// - Parameter asUser: for one that is not root.
    public static func advice(_ privileges: [Privilege], asUser: String = "run as root") -> String {
        geteuid() == 0 ? adviceForRoot(privileges, effective: effective()) : asUser
    }

    /// - Parameter effective: the capabilities in force, a bit each; nil if they cannot be told.
    static func adviceForRoot(_ privileges: [Privilege], effective: UInt64?) -> String {
        let missing = privileges.filter { privilege in
            effective.map { $0 >> UInt64(privilege.rawValue) & 1 == 0 } ?? false
        }
        guard !missing.isEmpty else {
            return "being root is not enough here: run in the node's own namespaces, not in a user namespace"
        }
        let names = missing.map(\.name).joined(separator: " and ")
        return "being root is not enough here: add the capability \(names) (securityContext.capabilities of a "
            + "container, CapabilityBoundingSet= of systemd)"
    }

    private static func effective() -> UInt64? {
        guard let file = fopen("/proc/self/status", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard text.hasPrefix("CapEff:") else { continue }
            return UInt64(text.dropFirst("CapEff:".count).filter(\.isHexDigit), radix: 16)
        }
        return nil
    }
}
