internal import NIOCore

/// Has the links of an HTML page lead back to its Service by way of the proxy, as the API server does. A value that takes
/// the page in pieces, however they are cut.
///
/// Only tags are looked at, and of them only the attributes that hold an address; scripts, style sheets and all else stay
/// byte for byte as they are.
struct PageLinks {
    private enum State {
        case text
        /// From its `<` on; it is kept until its `>`.
        case tag
        /// `<!-- … -->`.
        case comment
        /// `<!DOCTYPE …>`, `<?…>` and the like.
        case declaration
        /// Within an element whose content is no HTML, until `</name`.
        case raw(name: [UInt8])
    }

    /// A tag that is longer is no tag of a page that means well, and is left as it is.
    private static let longestTag = 64 << 10

    private let location: ServiceLocation
    private var state = State.text
    /// What cannot be judged before more has come: a tag, or what may become the end of a comment or of a script.
    private var kept: [UInt8] = []
    /// Within a tag: the quote that has to be closed first, and how much of `kept` has been looked at.
    private var quote: UInt8?
    /// Within a value without quotes, where they mean nothing.
    private var isUnquoted = false
    private var looked = 0

    init(_ location: ServiceLocation) { self.location = location }

    /// - Returns: what can be passed on.
    mutating func rewritten(_ piece: ByteBuffer) -> ByteBuffer {
        var output = ByteBuffer()
        output.reserveCapacity(piece.readableBytes + kept.count)
        kept += piece.readableBytesView
        // What is left is judged again with what comes next; all before it goes out.
        var rest = kept[...]
        loop: while !rest.isEmpty {
            let before = rest.count
            switch state {
            case .text:
                takeText(&rest, &output)
                // What it is that begins here, only more of it tells.
                if rest.count == before, case .text = state { break loop }
            case .tag:
                guard takeTag(&rest, &output) else { break loop }
            case .comment:
                guard take(&rest, through: Array("-->".utf8), &output) else { break loop }
            case .declaration:
                guard take(&rest, through: [Byte.greater], &output) else { break loop }
            case .raw(let name):
                guard takeRaw(&rest, until: name, &output) else { break loop }
            }
        }
        kept = Array(rest)
        return output
    }

    /// - Returns: what was kept, at the end of the page.
    mutating func end() -> ByteBuffer {
        defer { kept = [] }
        return ByteBuffer(bytes: kept)
    }

    // MARK: - Pieces of a page

    private mutating func takeText(_ rest: inout ArraySlice<UInt8>, _ output: inout ByteBuffer) {
        let start = rest.firstIndex(of: Byte.less) ?? rest.endIndex
        output.writeBytes(rest[..<start])
        rest = rest[start...]
        guard let next = rest.dropFirst().first else { return }
        (quote, isUnquoted, looked) = (nil, false, 0)
        switch next {
        case Byte.bang where rest.count < 4 && "<!--".utf8.starts(with: rest): break  // It may become a comment.
        case Byte.bang where rest.starts(with: "<!--".utf8):
            output.writeBytes(rest.prefix(4))
            rest = rest.dropFirst(4)
            state = .comment
        case Byte.bang, Byte.question, Byte.slash: state = .declaration
        case _ where next.isLetter: state = .tag
        default:
            output.writeInteger(Byte.less)
            rest = rest.dropFirst()
        }
    }

    /// - Returns: whether its end has come.
    private mutating func takeTag(_ rest: inout ArraySlice<UInt8>, _ output: inout ByteBuffer) -> Bool {
        var index = rest.startIndex + looked
        while index < rest.endIndex {
            let byte = rest[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == Byte.greater {
                break
            } else if isUnquoted {
                isUnquoted = !byte.isBlank
            } else if !byte.isBlank, followsEquals(rest, index) {
                if byte == Byte.quote || byte == Byte.apostrophe { quote = byte } else { isUnquoted = true }
            }
            index += 1
        }
        looked = index - rest.startIndex
        guard index < rest.endIndex else {
            guard looked > Self.longestTag else { return false }
            output.writeBytes(rest)
            rest = rest[rest.endIndex...]
            state = .declaration
            return true
        }
        let tag = PageTag(rest[...index])
        output.writeBytes(tag.rewritten(location))
        rest = rest[(index + 1)...]
        state = PageTag.rawNames.contains(tag.name) ? .raw(name: Array(tag.name.utf8)) : .text
        return true
    }

    /// A quote elsewhere is a character of a name.
    private func followsEquals(_ rest: ArraySlice<UInt8>, _ index: Int) -> Bool {
        rest[..<index].last { !$0.isBlank } == Byte.equals
    }

    /// - Returns: whether its end has come.
    private mutating func take(
        _ rest: inout ArraySlice<UInt8>, through mark: [UInt8], _ output: inout ByteBuffer
    ) -> Bool {
        if let found = rest.firstRange(of: mark) {
            output.writeBytes(rest[..<found.upperBound])
            rest = rest[found.upperBound...]
            state = .text
            return true
        }
        let sure = rest.dropLast(mark.count - 1)
        output.writeBytes(sure)
        rest = rest[sure.endIndex...]
        return false
    }

    /// - Returns: whether its end tag has begun.
    private mutating func takeRaw(
        _ rest: inout ArraySlice<UInt8>, until name: [UInt8], _ output: inout ByteBuffer
    ) -> Bool {
        // With the one behind it: `</scripts` ends no script.
        let length = name.count + 3
        var from = rest.startIndex
        while let start = rest[from...].firstIndex(of: Byte.less) {
            let end = rest[start...].prefix(length)
            let isEnd =
                end.count == length && end.dropFirst().first == Byte.slash
                && end.dropFirst(2).dropLast().map(\.lowered) == name
                && end.last.map { $0.isBlank || $0 == Byte.slash || $0 == Byte.greater } == true
            guard !isEnd else {
                output.writeBytes(rest[..<start])
                rest = rest[start...]
                state = .text
                return true
            }
            // It may become one.
            guard end.count == length else {
                output.writeBytes(rest[..<start])
                rest = rest[start...]
                return false
            }
            from = start + 1
        }
        output.writeBytes(rest)
        rest = rest[rest.endIndex...]
        return false
    }
}

enum Byte {
    static let less = UInt8(ascii: "<"), greater = UInt8(ascii: ">"), equals = UInt8(ascii: "=")
    static let bang = UInt8(ascii: "!"), question = UInt8(ascii: "?"), slash = UInt8(ascii: "/")
    static let quote = UInt8(ascii: "\""), apostrophe = UInt8(ascii: "'")
}

extension UInt8 {
    var isLetter: Bool { lowered >= UInt8(ascii: "a") && lowered <= UInt8(ascii: "z") }
    var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) && self != 0x0B }
    var lowered: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}
