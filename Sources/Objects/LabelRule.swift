/// What an API server lets labels be called, and lets them be.
public enum LabelRule {
    /// `name` or `prefix/name`; the prefix is a DNS name.
    public static func admits(name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isWord(parts[0])
        case 2: return ObjectName.subdomain.admits(String(parts[0])) && isWord(parts[1])
        default: return false
        }
    }

    /// Nothing is a value too.
    public static func admits(value: String) -> Bool { value.isEmpty || isWord(value[...]) }

    /// Letters and digits with `-`, `_` and `.` between them, at most 63.
    private static func isWord(_ text: Substring) -> Bool {
        func isAlphanumeric(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber)
        }
        guard let first = text.first, let last = text.last, text.utf8.count <= 63 else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && text.allSatisfy { isAlphanumeric($0) || "-_.".contains($0) }
    }
}
