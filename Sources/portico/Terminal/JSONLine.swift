import Base

/// One JSON object on a line of its own, as `--output json` and `--log-format json` print them.
struct JSONLine: Sendable {
    /// With its newline.
    let text: String

    init(_ pairs: [(String, JSONValue)]) { text = JSONValue.object(pairs).text + "\n" }

    init(_ pairs: KeyValuePairs<String, JSONValue>) { self.init(pairs.map { ($0.key, $0.value) }) }
}
