/// What an API server lets objects and ports be called. Names go into rules, logs and names of others, so a file that
/// comes from no API server is held to the same.
public enum ObjectName: Sendable {
    /// One label of DNS: lower-case letters, digits and hyphens, not at the ends, at most 63. Namespaces, Services and
    /// ports.
    case label
    /// Labels with points between them, at most 253 characters. All other objects.
    case subdomain

    var expectation: String {
        switch self {
        case .label: "a name of at most 63 lower-case letters, digits and hyphens"
        case .subdomain: "a name of at most 253 lower-case letters, digits, hyphens and points"
        }
    }

    public func admits(_ name: String) -> Bool {
        switch self {
        case .label: return Self.isLabel(name.utf8[...])
        case .subdomain:
            return name.utf8.count <= 253
                && name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                    .allSatisfy { Self.isLabel($0, longest: 253) }
        }
    }

    private static func isLabel(_ bytes: Substring.UTF8View, longest: Int = 63) -> Bool {
        let hyphen = UInt8(ascii: "-")
        guard bytes.count <= longest, let first = bytes.first, let last = bytes.last, first != hyphen, last != hyphen
        else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), hyphen: true
            default: false
            }
        }
    }
}

extension KeyedDecodingContainer {
    /// A name that may be absent or empty.
    func name(_ key: Key, _ rule: ObjectName) throws -> String? {
        guard let text = try text(key), !text.isEmpty else { return nil }
        guard rule.admits(text) else { throw invalid(key, "expected \(rule.expectation), found \"\(text)\"") }
        return text
    }

    /// A name that must be there.
    func requiredName(_ key: Key, _ rule: ObjectName) throws -> String {
        guard let name = try name(key, rule) else { throw missing(key, expected: "text") }
        return name
    }
}
