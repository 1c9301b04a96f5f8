import Testing

@testable import Documents

@Suite("Document trees")
struct TreeTests {
    private func yaml(_ text: String) throws(SyntaxError) -> TreeDecoder {
        let bytes = Array(text.utf8)
        let tree = try bytes.withUnsafeBufferPointer { bytes throws(SyntaxError) in
            try YAMLReader.read(bytes, firstLine: 1)
        }
        return TreeDecoder(document: .init(tree), node: tree.root ?? 0)
    }

    private func json(_ text: String) throws(SyntaxError) -> TreeDecoder {
        let bytes = Array(text.utf8)
        var (position, line) = (0, 1)
        let tree = try bytes.withUnsafeBufferPointer { bytes throws(SyntaxError) in
            try JSONReader.readDocument(bytes, position: &position, line: &line)
        }
        guard let tree else { throw SyntaxError(line: 0, message: "nothing") }
        return TreeDecoder(document: .init(tree), node: 0)
    }

    @Test(
        "What plain scalars mean",
        arguments: [
            ("text", [""]), ("null", ["~", "null", "Null", "NULL", ""]),
            ("yes", ["true", "True", "TRUE", "yes", "on", "ON"]), ("no", ["false", "no", "No", "off"]),
            ("integer", ["0", "80", "-1", "+5", "1_000", "0x1F", "0b11", "0o17", "017"]),
            ("decimal", ["1.5", ".5", "1.", "1e3", "12e-4", "-.inf", ".NaN", "99999999999999999999"]),
            (
                "text",
                [
                    "web", "10.0.0.1", "1.2.3", "v1", "y", "n", "nope", "truely", "2026-01-01", "1e", "-", ".", "08x",
                    "fd00::1", "0x",
                ]
            ),
        ])
    func plainScalars(_ kind: String, _ texts: [String]) {
        for text in texts where !(kind == "text" && text.isEmpty) {
            let bytes = Array(text.utf8)
            #expect("\(bytes.withUnsafeBufferPointer(PlainScalar.kind))" == kind, "\(text)")
        }
    }

    @Test("Integers in all notations")
    func integers() throws {
        #expect(try [Int](from: yaml("[80, 0x1F, 0b11, 0o17, 017, 1_000, -3]")) == [80, 31, 3, 15, 15, 1000, -3])
    }

    @Test("Quotes and !!str make text")
    func quotes() throws {
        #expect(
            try [String](from: yaml("['80', \"true\", !!str 5, 'it''s', \"a\\nb\"]")) == [
                "80", "true", "5", "it's", "a\nb",
            ])
    }

    @Test("Anchors, aliases and merge keys")
    func aliases() throws {
        let text = """
            base: &base {a: 1, b: 2}
            more: &more {c: 3, <<: *base}
            one: {<<: *base, b: 5}
            two: {<<: [*more, {c: 9, d: 4}], a: 0}
            same: *base
            """
        let maps = try [String: [String: Int]](from: yaml(text))
        #expect(maps["one"] == ["a": 1, "b": 5])
        #expect(maps["two"] == ["a": 0, "b": 2, "c": 3, "d": 4])
        #expect(maps["same"] == ["a": 1, "b": 2])
    }

    @Test("Merges that double at every step take no time")
    func mergeBomb() throws {
        var text = "a0: &a0 {x: 1}\n"
        for level in 1...40 { text += "a\(level): &a\(level) {<<: [*a\(level - 1), *a\(level - 1)]}\n" }
        let maps = try [String: [String: Int]](from: yaml(text))
        #expect(maps["a40"] == ["x": 1])
    }

    @Test("Values know their path and line")
    func paths() throws {
        let decoder = try yaml("spec:\n  ports:\n  - port: 1\n  - name: x\n    port: 2\n")
        let path: [PathStep] = [.key("spec"), .key("ports"), .index(1), .key("port")]
        let (line, node) = decoder.document.tree.locate(path)
        #expect(line == 5)
        #expect(decoder.document.tree.path(to: try #require(node)) == path)
        #expect(path.fieldPath == "spec.ports[1].port")
        // As much as exists: the element begins in line 4.
        #expect(decoder.document.tree.locate([.key("spec"), .key("ports"), .index(1), .key("none")]).line == 4)
        #expect([PathStep.key("labels"), .key("a.b/c")].fieldPath == "labels[\"a.b/c\"]")
    }

    @Test("JSON values")
    func jsonValues() throws {
        struct Value: Decodable, Equatable {
            var a: [Int], b: Bool, c: String?, d: Double, e: [String: String], f: String
        }
        let text =
            #"{"a": [1, -2], "b": true, "c": null, "d": 1.5e3, "e": {}, "f": "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800\ud83d\u0041"}"#
        let value = try Value(from: json(text))
        #expect(
            value == Value(a: [1, -2], b: true, c: nil, d: 1500, e: [:], f: "\"\\/\u{8}\u{c}\n\r\té😀\u{FFFD}\u{FFFD}A"))
    }

    @Test(
        "Broken JSON",
        arguments: [
            ("{\"a\": }", "1 not valid JSON: expected a value, found }"),
            ("{\"a\": 1,\n}", "2 not valid JSON: expected a field name in quotes, found }"),
            ("[1 2]", "1 not valid JSON: expected a comma or ], found 2"),
            ("{\n\"a\" 1}", "2 not valid JSON: expected a colon, found 1"),
            ("[01]", "1 not valid JSON: expected a number, found 0"),
            ("[-]", "1 not valid JSON: expected a number, found -"),
            ("[\"a\nb\"]", "1 not valid JSON: a line break in a string"),
            ("[\"a", "1 not valid JSON: a string without end"),
            ("[\"\\x\"]", "1 not valid JSON: an unknown escape in a string"),
            ("[\"\\u12\"]", "1 not valid JSON: a \\u escape that is no character"),
            ("[tru]", "1 not valid JSON: expected a value, found t"),
            ("{\"a\": [1,", "1 not valid JSON: expected a value, found the end of the file"),
        ])
    func brokenJSON(_ text: String, _ message: String) {
        let error = #expect(throws: SyntaxError.self) { try json(text) }
        #expect(error.map { "\($0.line) \($0.message)" } == message)
    }

    @Test("Nesting without end is refused")
    func depth() {
        #expect(throws: SyntaxError.self) { try json(String(repeating: "[", count: 100_000)) }
        #expect(throws: SyntaxError.self) { try yaml(String(repeating: "[", count: 1_000)) }
    }

    @Test("An alias cannot stand for what contains it")
    func recursion() {
        let error = #expect(throws: SyntaxError.self) { try yaml("a: &a\n  b: *a\n") }
        #expect(error?.message == "not valid YAML: alias *a has no anchor before it")
        #expect(error?.line == 2)
    }
}
