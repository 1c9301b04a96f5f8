import Testing

@testable import Documents

/// What `kubectl apply` refuses is refused here, and what it takes is taken (RFC 8259).
@Suite("JSON as it is defined") struct JSONGrammarTests {
    private func read(_ text: String, _ items: (any JSONListItems)? = nil) throws(SyntaxError) -> DocumentTree? {
        let bytes = Array(text.utf8)
        var (position, line) = (0, 1)
        return try bytes.withUnsafeBufferPointer { bytes throws(SyntaxError) in
            try JSONReader.readDocument(bytes, position: &position, line: &line, items: items)
        }
    }

    private func decoder(_ text: String) throws -> TreeDecoder {
        TreeDecoder(document: .init(try #require(try read(text))), node: 0)
    }

    @Test(
        "Numbers",
        arguments: [
            ("0", 0), ("-0", 0), ("10", 10), ("-7", -7), ("0.5", 0.5), ("-0.25", -0.25), ("1e3", 1000), ("1E+2", 100),
            ("25e-1", 2.5), ("0e5", 0), ("-0E0", 0), ("1.50e01", 15),
        ] as [(String, Double)])
    func number(_ text: String, _ value: Double) throws {
        #expect(try [Double](from: decoder("[\(text)]")) == [value])
    }

    @Test(
        "No numbers",
        arguments: ["-", "01", "-01", "00", "1.", "-.5", "1.e3", "1e", "1e+", "1.2.3", "1-2", "--1", "0x1F", "1e1.5"])
    func noNumber(_ text: String) {
        let error = #expect(throws: SyntaxError.self) { try read("[\n\(text)]") }
        #expect(error?.line == 2)
    }

    @Test(
        "Escapes that are none",
        arguments: [#"\u+041"#, #"\u-041"#, #"\u 041"#, #"\u004"#, #"\u00G1"#, #"\U0041"#, #"\'"#, #"\"#])
    func noEscape(_ text: String) {
        #expect(throws: SyntaxError.self) { try read("[\"\(text)\"]") }
    }

    @Test("Escapes in either case of letters, and halves of pairs that stand alone")
    func escapes() throws {
        #expect(
            try [String](from: decoder(#"["\u00e9\u00E9", "\ud83d\udE00", "\ude00x", "\ud83d\u0041"]"#))
                == ["éé", "😀", "\u{FFFD}x", "\u{FFFD}A"])
    }

    /// What came one by one, with the kind of the list as far as it was read.
    private final class Taken: JSONListItems {
        var texts: [String] = []

        func take(_ item: DocumentTree, at index: Int, of list: DocumentTree, end: Int) {
            let kind = list.root.flatMap { list.text(at: ["kind"], in: $0) } ?? "-"
            texts.append("\(index) \(kind) \(item.root.flatMap { item.json(of: $0, atMost: 1 << 10) } ?? "nothing")")
        }
    }

    @Test("The elements of a list are given away one by one, and of nothing else")
    func items() throws {
        let taken = Taken()
        let text = #"{"kind": "List", "a": {"items": [1]}, "items": [{"x": [1, 2]}, "y"], "items": [3], "z": [4]}"#
        let tree = try #require(try read(text, taken))
        #expect(taken.texts == [#"0 List {"x":[1,2]}"#, #"1 List "y""#])
        let rest = try #require(tree.root.flatMap { tree.json(of: $0, atMost: 1 << 10) })
        #expect(rest.contains(#""a":{"items":[1]}"#) && rest.contains(#""z":[4]"#))
        let none = Taken()
        _ = try read(#"[{"items": [1]}]"#, none)
        _ = try read(#"{"items": {"items": [1]}}"#, none)
        #expect(none.texts.isEmpty)
    }

    @Test("Who reads of a mistake is told the line, what was expected, and what is there")
    func explanation() throws {
        struct Port: Decodable { let port: Int }
        func explain(_ text: String) throws -> String {
            let decoder = try decoder(text)
            guard let error = #expect(throws: DecodingError.self, performing: { try [Port](from: decoder) }) else {
                return "nothing"
            }
            let (line, message) = decoder.document.tree.explanation(of: error)
            return "\(line) \(message)"
        }
        let wrong = try explain("[{\"port\": 1},\n{\"port\": \"80\"}]")
        #expect(wrong.hasPrefix("2 ") && wrong.contains("found \"80\""), "\(wrong)")
        let missing = try explain("[{\"port\": 1},\n\n{\"name\": 1}]")
        #expect(missing.hasPrefix("3 "), "\(missing)")
        let large = try explain("[{\"port\": 99999999999999999999}]")
        #expect(large.hasPrefix("1 ") && large.contains("99999999999999999999"), "\(large)")
    }
}
