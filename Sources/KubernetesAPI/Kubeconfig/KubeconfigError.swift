internal import Base

/// Why it cannot be told how to reach a cluster: what is wrong, and where it stands.
public struct KubeconfigError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nil if no file is to blame.
    public var file: String?
    /// 1 for the first.
    public var line: Int?
    /// The name of the context that was asked for.
    public var context: String?
    /// The entry that is wrong: `user "admin"`.
    public var entry: String?
    /// Within its entry: `exec.args[0]`.
    public var field: String?
    public var message: String

    init(_ message: String, file: String? = nil, line: Int? = nil, entry: String? = nil, field: String? = nil) {
        self.message = message
        self.file = file
        self.line = line
        self.entry = entry
        self.field = field
    }

    /// One line: `/home/me/.kube/config:12: context "kind": user "admin": client-key: …`.
    public var description: String {
        let place = file.map { $0 + (line.map { ":\($0)" } ?? "") }
        let parts = [place, context.map { "context \"\($0)\"" }, entry, field, message].compactMap(\.self)
        // Names and values are as somebody wrote them.
        return parts.joined(separator: ": ").onOneLine
    }
}
