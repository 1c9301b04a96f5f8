/// The host of a `Host` or `Origin` header, without its port.
struct HostName: Hashable {
    /// An IPv6 address in brackets.
    let name: String

    init(_ text: String) {
        let text = text.trimmingBlanks()
        if text.first == "[", let end = text.lastIndex(of: "]"), text[end...] == "]" || text[end...].hasPrefix("]:") {
            name = String(text[...end])
        } else if text.count(where: { $0 == ":" }) == 1, let colon = text.lastIndex(of: ":") {
            name = String(text[..<colon])
        } else {
            name = String(text)
        }
    }

    /// - Returns: nil for what has no host: `null`, a file.
    init?(origin: String) {
        guard let start = origin.firstRange(of: "://")?.upperBound, start < origin.endIndex else { return nil }
        self.init(String(origin[start...].prefix { $0 != "/" }))
    }

    /// As patterns may have it. kubectl's own list has `[::1]`, which it then never finds, since it cuts off the brackets
    /// with the port; others have written `::1` for that reason.
    var spellings: [String] {
        guard name.first == "[", name.last == "]" else { return [name] }
        return [name, String(name.dropFirst().dropLast())]
    }
}

extension String {
    /// Without blanks at both ends, as values of headers are meant.
    func trimmingBlanks() -> Substring {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
