/// Reads a label selector from left to right; the grammar is that of Kubernetes' `labels.Parse`.
struct LabelSelectorParser {
    private enum Token: Equatable {
        case word(String)
        case symbol(String)
        case end

        var text: String {
            switch self {
            case .word(let text), .symbol(let text): "'\(text)'"
            case .end: "the end"
            }
        }
    }

    private var rest: Substring
    private var next: Token = .end

    init(_ text: String) {
        rest = text[...]
        advance()
    }

    mutating func parse() throws(LabelSelector.Failure) -> [LabelSelector.Requirement] {
        guard next != .end else { return [] }
        var requirements: [LabelSelector.Requirement] = []
        while true {
            requirements.append(try requirement())
            if next == .end { return requirements }
            try take(",")
        }
    }

    private mutating func requirement() throws(LabelSelector.Failure) -> LabelSelector.Requirement {
        if next == .symbol("!") {
            advance()
            return .init(key: try key(), condition: .isMissing)
        }
        let key = try key()
        let condition: LabelSelector.Requirement.Condition
        switch next {
        case .end, .symbol(","):
            condition = .exists
        case .symbol("="), .symbol("=="):
            advance()
            condition = .isOneOf([try value()])
        case .symbol("!="):
            advance()
            condition = .isNoneOf([try value()])
        case .symbol(">"):
            advance()
            condition = .isGreater(than: try bound())
        case .symbol("<"):
            advance()
            condition = .isLess(than: try bound())
        case .word("in"):
            advance()
            condition = .isOneOf(try values())
        case .word("notin"):
            advance()
            condition = .isNoneOf(try values())
        default:
            throw LabelSelector.Failure("\(next.text) stands where '=', '!=', 'in', 'notin' or ',' was expected")
        }
        return .init(key: key, condition: condition)
    }

    private mutating func key() throws(LabelSelector.Failure) -> String {
        guard case .word(let key) = next else {
            throw LabelSelector.Failure("\(next.text) stands where the name of a label was expected")
        }
        guard LabelRule.admits(name: key) else { throw LabelSelector.Failure("'\(key)' is not the name of a label") }
        advance()
        return key
    }

    /// A value; what is empty may be left out, as in `app=,tier=web`.
    private mutating func value() throws(LabelSelector.Failure) -> String {
        guard case .word(let value) = next else {
            if next == .end || next == .symbol(",") || next == .symbol(")") { return "" }
            throw LabelSelector.Failure("\(next.text) stands where a value was expected")
        }
        guard LabelRule.admits(value: value) else {
            throw LabelSelector.Failure("'\(value)' is not the value of a label")
        }
        advance()
        return value
    }

    private mutating func values() throws(LabelSelector.Failure) -> Set<String> {
        try take("(")
        var values: Set<String> = [try value()]
        while next == .symbol(",") {
            advance()
            values.insert(try value())
        }
        try take(")")
        return values
    }

    private mutating func bound() throws(LabelSelector.Failure) -> Int {
        let text = try value()
        guard let bound = Int(text) else {
            throw LabelSelector.Failure("'\(text)' is not a whole number to compare with")
        }
        return bound
    }

    private mutating func take(_ symbol: String) throws(LabelSelector.Failure) {
        guard next == .symbol(symbol) else {
            throw LabelSelector.Failure("\(next.text) stands where '\(symbol)' was expected")
        }
        advance()
    }

    private mutating func advance() {
        rest = rest.drop(while: \.isWhitespace)
        // The longer ones first, or `==` would be read as `=` twice.
        for symbol in ["==", "!=", "=", "!", "(", ")", ",", "<", ">"] where rest.hasPrefix(symbol) {
            next = .symbol(symbol)
            rest = rest.dropFirst(symbol.count)
            return
        }
        let word = rest.prefix { !$0.isWhitespace && !"=!(),<>".contains($0) }
        next = word.isEmpty ? .end : .word(String(word))
        rest = rest.dropFirst(word.count)
    }
}
