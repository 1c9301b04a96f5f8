/// A regular expression as kubectl takes it, in the syntax of Go: found anywhere in a text unless `^` and `$` say where.
///
/// An engine of our own. Swift's `Regex` adds 1.4 MB to the program, and takes for ever for `(a+)+$`, which stands before
/// everybody else's requests; this one takes time in proportion to the text, as Go's does. What Go knows and this does
/// not, is refused when it is read: classes of Unicode (`\pL`), and flags other than `i`, `m`, `s` and `U`.
public struct Pattern: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private let program: PatternProgram

    /// - Throws: ``PatternError`` if it is none.
    public init(_ text: String) throws(PatternError) {
        description = text
        var parser = PatternParser(text)
        program = try PatternProgram(try parser.parse(), text)
    }

    /// Whether it is found in `text`.
    public func matches(_ text: String) -> Bool { program.matches(text.unicodeScalars) }

    public static func == (left: Pattern, right: Pattern) -> Bool { left.description == right.description }

    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

/// Why a text is no regular expression.
public struct PatternError: Error, Hashable, Sendable, CustomStringConvertible {
    public let pattern: String
    public let reason: String

    public var description: String { "\"\(pattern)\" is not a regular expression: \(reason)" }
}

/// What a ``Pattern`` is made of.
indirect enum PatternNode {
    case scalars(ScalarSet)
    case place(PatternPlace)
    case sequence([PatternNode])
    case choice([PatternNode])
    /// - Parameter most: nil for any number.
    case repeated(PatternNode, least: Int, most: Int?)
}

/// A place between two characters.
enum PatternPlace {
    case textStart, textEnd, lineStart, lineEnd, wordEdge, noWordEdge

    func holds(between before: Unicode.Scalar?, and after: Unicode.Scalar?) -> Bool {
        switch self {
        case .textStart: before == nil
        case .textEnd: after == nil
        case .lineStart: before == nil || before == "\n"
        case .lineEnd: after == nil || after == "\n"
        case .wordEdge: isWord(before) != isWord(after)
        case .noWordEdge: isWord(before) == isWord(after)
        }
    }

    private func isWord(_ scalar: Unicode.Scalar?) -> Bool { scalar.map(ScalarSet.word.contains) ?? false }
}
