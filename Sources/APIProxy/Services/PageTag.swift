/// A start tag of a page, from its `<` to its `>`.
struct PageTag {
    private let bytes: ArraySlice<UInt8>
    /// In lower case.
    let name: String

    /// Elements in which `<` begins nothing but their own end.
    static let rawNames: Set = [
        "script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes",
    ]

    /// The attributes of HTML 4 and 5 that hold one address, by their element; those that the API server knows.
    private static let addresses: [String: Set<String>] = [
        "a": ["href"], "applet": ["codebase"], "area": ["href"], "audio": ["src"], "base": ["href"],
        "blockquote": ["cite"], "body": ["background"], "button": ["formaction"], "command": ["icon"],
        "del": ["cite"], "embed": ["src"], "form": ["action"], "frame": ["longdesc", "src"], "head": ["profile"],
        "html": ["manifest"], "iframe": ["longdesc", "src"], "img": ["longdesc", "src", "usemap"],
        "input": ["formaction", "src", "usemap"], "ins": ["cite"], "link": ["href"],
        "object": ["classid", "codebase", "data", "usemap"], "q": ["cite"], "script": ["src"], "source": ["src"],
        "track": ["src"], "video": ["poster", "src"],
    ]

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        name = Self.text(bytes.dropFirst().prefix { !$0.isBlank && $0 != Byte.slash && $0 != Byte.greater })
    }

    /// The same with its addresses led back, and all else byte for byte.
    func rewritten(_ location: ServiceLocation) -> [UInt8] {
        guard let names = Self.addresses[name] else { return Array(bytes) }
        var output: [UInt8] = []
        var copied = bytes.startIndex
        for value in values(of: names) {
            // Bytes of another encoding would not come back as they were.
            guard let old = String(validating: bytes[value], as: UTF8.self) else { continue }
            let new = location.rewritten(old)
            guard new != old else { continue }
            output += bytes[copied..<value.lowerBound]
            output += new.utf8
            copied = value.upperBound
        }
        output += bytes[copied...]
        return output
    }

    /// Where their values are, without quotes.
    private func values(of names: Set<String>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        let end = bytes.endIndex - 1
        var index = bytes.startIndex + 1 + name.utf8.count
        func skip(while condition: (UInt8) -> Bool) {
            while index < end, condition(bytes[index]) { index += 1 }
        }
        while index < end {
            skip { $0.isBlank || $0 == Byte.slash }
            let start = index
            // An `=` in front belongs to the name.
            if index < end { index += 1 }
            skip { !$0.isBlank && $0 != Byte.slash && $0 != Byte.equals }
            let name = Self.text(bytes[start..<index])
            skip(while: \.isBlank)
            guard index < end, bytes[index] == Byte.equals else { continue }
            index += 1
            skip(while: \.isBlank)
            guard index < end else { break }
            let value: Range<Int>
            if bytes[index] == Byte.quote || bytes[index] == Byte.apostrophe {
                let quote = bytes[index]
                index += 1
                // Browsers leave blanks in front out.
                skip(while: \.isBlank)
                let first = index
                skip { $0 != quote }
                value = first..<index
                if index < end { index += 1 }
            } else {
                let first = index
                skip { !$0.isBlank }
                value = first..<index
            }
            if names.contains(name) { found.append(value) }
        }
        return found
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map(\.lowered), as: UTF8.self)
    }
}
