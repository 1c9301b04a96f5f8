/// Text as iptables takes it for a comment: on one line, and of at most 255 bytes.
enum RuleComment {
    static func text(_ text: String) -> String {
        if text.utf8.count <= 255, text.utf8.allSatisfy((UInt8(ascii: " ")...UInt8(ascii: "~")).contains) {
            return text
        }
        return String(text.unicodeScalars.prefix(255).map { (" "..."~").contains($0) ? Character($0) : "?" })
    }
}
