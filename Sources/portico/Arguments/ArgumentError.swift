/// Why the value of an option makes no sense, in words that follow "The value … is invalid for …:".
struct ArgumentError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Whether `text` can be the name of a Service, a namespace or a port: an RFC 1123 label.
func isDNSLabel(_ text: Substring) -> Bool {
    func isInner(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "-") }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 63 else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last) && text.utf8.allSatisfy(isInner)
}

/// Whether `text` can be the name of a host: RFC 1123 labels with dots between them, and perhaps one at the end.
func isHostName(_ text: Substring) -> Bool {
    let name = text.hasSuffix(".") ? text.dropLast() : text
    guard name.utf8.count <= 253 else { return false }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    // Underscores are not allowed in host names, but resolvers and compose files have them all the same.
    return labels.allSatisfy { label in
        isDNSLabel(Substring(label.lowercased().map { $0 == "_" ? "-" : $0 }.map(String.init).joined()))
    }
}

/// A decimal number without sign or spaces, as ports are written; `UInt16("+5")` would be 5.
func parsePort(_ text: Substring) -> UInt16? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return UInt16(text)
}
