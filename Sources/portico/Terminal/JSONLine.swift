import Base

/// A value in a line of JSON.
indirect enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Pairs rather than a dictionary: the order of the keys is part of what readers get used to.
    case object([(String, JSONValue)])

    /// The value as JSON, without spaces.
    var text: String {
        var text = ""
        write(to: &text)
        return text
    }

    fileprivate func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += "\(value)"
        // JSON has no infinity and no NaN.
        case .number(let value): text += value.isFinite ? "\(value)" : "null"
        case .string(let value): text += value.quotedAsJSON
        case .array(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                value.write(to: &text)
            }
            text += "]"
        case .object(let pairs):
            text += "{"
            for (index, (key, value)) in pairs.enumerated() {
                if index > 0 { text += "," }
                text += key.quotedAsJSON + ":"
                value.write(to: &text)
            }
            text += "}"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements) }
}

/// One JSON object on a line of its own, as `--output json` and `--log-format json` print them.
struct JSONLine: Sendable {
    /// With its newline.
    let text: String

    init(_ pairs: [(String, JSONValue)]) { text = JSONValue.object(pairs).text + "\n" }

    init(_ pairs: KeyValuePairs<String, JSONValue>) { self.init(pairs.map { ($0.key, $0.value) }) }
}
