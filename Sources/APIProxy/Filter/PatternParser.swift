/// Reads a ``Pattern``.
struct PatternParser {
    private struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotIsAll = false
    }

    private let text: String
    private var rest: ArraySlice<Unicode.Scalar>
    private var flags = Flags()
    private var depth = 0

    /// As in Go.
    private static let (mostRepeats, deepest) = (1000, 250)

    init(_ text: String) {
        self.text = text
        rest = Array(text.unicodeScalars)[...]
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try choice()
        guard rest.isEmpty else { throw error("there is a ) without (") }
        return node
    }

    private func error(_ reason: String) -> PatternError { PatternError(pattern: text, reason: reason) }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard rest.first == scalar else { return false }
        rest = rest.dropFirst()
        return true
    }

    // MARK: Structure

    private mutating func choice() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.deepest else { throw error("too many ( within each other") }
        var parts: [PatternNode] = []
        repeat { parts.append(try sequence()) } while take("|")
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var parts: [PatternNode] = []
        while let next = rest.first, next != "|", next != ")" {
            guard let part = try atom() else { continue }
            parts.append(try repeated(part))
        }
        return .sequence(parts)
    }

    private mutating func repeated(_ node: PatternNode) throws(PatternError) -> PatternNode {
        guard let (least, most) = try count() else { return node }
        // Whether it takes as little as it can makes no difference to whether it is found.
        _ = take("?")
        guard try count() == nil else { throw error("a repetition behind another") }
        return .repeated(node, least: least, most: most)
    }

    private mutating func count() throws(PatternError) -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return nil }
        // Anything else in braces is meant as it stands, as in Go.
        let inner = String(String.UnicodeScalarView(rest[rest.startIndex + 1..<end]))
        let parts = inner.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        guard let least = parts.first.flatMap({ Int($0) }), parts.count == 1 || parts[1].isEmpty || Int(parts[1]) != nil
        else { return nil }
        let most = parts.count == 1 ? least : Int(parts[1])
        guard least <= Self.mostRepeats, most.map({ (least...Self.mostRepeats).contains($0) }) ?? true, least >= 0
        else { throw error("{\(inner)} is no number of repetitions, at most \(Self.mostRepeats)") }
        rest = rest[(end + 1)...]
        return (least, most)
    }

    /// - Returns: nil for what only sets flags.
    private mutating func atom() throws(PatternError) -> PatternNode? {
        guard let next = rest.popFirst() else { return nil }
        switch next {
        case "(": return try group()
        case "[": return .scalars(folded(try set()))
        case ".": return .scalars(flags.dotIsAll ? .all : .allButNewline)
        case "^": return .place(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .place(flags.isMultiline ? .lineEnd : .textEnd)
        case "*", "+", "?": throw error("nothing to repeat before \(next)")
        case "\\": return try escape()
        default: return .scalars(folded(ScalarSet(next)))
        }
    }

    private func folded(_ set: ScalarSet) -> ScalarSet { flags.ignoresCase ? set.ignoringCase : set }

    private mutating func group() throws(PatternError) -> PatternNode? {
        let outer = flags
        if take("?") {
            if take("P") || rest.first == "<" {
                // A name, of which nobody makes use.
                guard take("<"), let end = rest.firstIndex(of: ">"), end > rest.startIndex else {
                    throw error("(? is not followed by what it means")
                }
                rest = rest[(end + 1)...]
            } else if try setFlags() {
                return nil
            }
        }
        let node = try choice()
        flags = outer
        guard take(")") else { throw error("there is a ( without )") }
        return node
    }

    /// - Returns: whether they are for the rest of the group around them.
    private mutating func setFlags() throws(PatternError) -> Bool {
        var value = true
        while let next = rest.popFirst() {
            switch next {
            case "i": flags.ignoresCase = value
            case "m": flags.isMultiline = value
            case "s": flags.dotIsAll = value
            case "U": break
            case "-" where value: value = false
            case ")": return true
            case ":": return false
            default: throw error("(?\(next) is not known here")
            }
        }
        throw error("there is a ( without )")
    }

    // MARK: Characters

    private mutating func escape() throws(PatternError) -> PatternNode {
        switch rest.first {
        case "A": return place(.textStart)
        case "z": return place(.textEnd)
        case "b": return place(.wordEdge)
        case "B": return place(.noWordEdge)
        case "Q":
            rest = rest.dropFirst()
            var parts: [PatternNode] = []
            while let next = rest.popFirst() {
                if next == "\\", take("E") { break }
                parts.append(.scalars(folded(ScalarSet(next))))
            }
            return .sequence(parts)
        default: return .scalars(folded(try escapedSet()))
        }
    }

    private mutating func place(_ place: PatternPlace) -> PatternNode {
        rest = rest.dropFirst()
        return .place(place)
    }

    private mutating func escapedSet() throws(PatternError) -> ScalarSet {
        guard let next = rest.popFirst() else { throw error("\\ at the end") }
        switch next {
        case "d": return .digit
        case "D": return .digit.negated
        case "w": return .word
        case "W": return .word.negated
        case "s": return .space
        case "S": return .space.negated
        case "t": return ScalarSet("\t")
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "f": return ScalarSet("\u{0C}")
        case "v": return ScalarSet("\u{0B}")
        case "a": return ScalarSet("\u{07}")
        case "x": return ScalarSet(try hexadecimal())
        case _ where next.isASCII && !ScalarSet.word.contains(next): return ScalarSet(next)
        default: throw error("\\\(next) is not known here")
        }
    }

    private mutating func hexadecimal() throws(PatternError) -> Unicode.Scalar {
        var digits = rest.prefix(2)
        if rest.first == "{" {
            digits = rest.dropFirst().prefix { $0 != "}" }
            rest = rest.dropFirst(digits.count + 2)
        } else {
            rest = rest.dropFirst(2)
        }
        guard let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw error("\\x is not followed by a number") }
        return scalar
    }

    /// Behind `[`.
    private mutating func set() throws(PatternError) -> ScalarSet {
        var set = ScalarSet([])
        let isNegated = take("^")
        var isFirst = true
        while let next = rest.popFirst() {
            if next == "]", !isFirst { return isNegated ? folded(set).negated : set }
            isFirst = false
            if next == "[", rest.first == ":", let end = rest.firstIndex(of: "]") {
                let name = String(String.UnicodeScalarView(rest[rest.startIndex + 1..<end]))
                guard name.last == ":", let named = ScalarSet.named(String(name.dropLast())) else {
                    throw error("[:\(name)] is not known")
                }
                rest = rest[(end + 1)...]
                set.add(named)
                continue
            }
            let low = next == "\\" ? try escapedSet() : ScalarSet(next)
            guard let first = low.single, rest.first == "-", rest.dropFirst().first != "]" else {
                set.add(low)
                continue
            }
            rest = rest.dropFirst()
            guard let end = rest.popFirst() else { break }
            guard let last = (end == "\\" ? try escapedSet() : ScalarSet(end)).single, last >= first else {
                throw error("a range that ends before it begins")
            }
            set.add(first...last)
        }
        throw error("there is a [ without ]")
    }
}

extension ScalarSet {
    /// The one that it has, if it has one.
    fileprivate var single: UInt32? {
        guard !isNegated, ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}
