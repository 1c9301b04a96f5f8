import Testing

@testable import Documents

@Suite("Small documents")
struct ReadTests {
    private func json(_ text: String, atMost bytes: Int = 1 << 16) throws -> String? {
        let tree = try DocumentTree.read(Array(text.utf8))
        return tree.root.flatMap { tree.json(of: $0, atMost: bytes) }
    }

    @Test("The first document of a text counts, whichever form it has")
    func forms() throws {
        #expect(try json("a: 1\n---\nb: [") == #"{"a":1}"#)
        #expect(try json("\u{FEFF}a: 1") == #"{"a":1}"#)
        #expect(try json("{\"a\":\t\"\\/\\ud83d\\ude00\"}") == #"{"a":"/\#u{1F600}"}"#)
        #expect(try json("{a: 1}") == #"{"a":1}"#)
        #expect(try json("# nothing\n") == nil)
        #expect(try json("") == nil)
        let error = #expect(throws: SyntaxError.self) { try json("\n\n{\"a\": [}") }
        #expect(error?.line == 3)
    }

    @Test("What becomes JSON is what YAML means, with aliases and merge keys followed")
    func json() throws {
        #expect(
            try json("a: &a {x: 0x1F, y: 1_000, z: .nan}\nb: {<<: *a, y: 2.50}\nc: [*a, yes, ~, no]\nd: 'yes'\n")
                == #"{"a":{"x":31,"y":1000,"z":null},"b":{"y":2.5,"x":31,"z":null},"#
                + #""c":[{"x":31,"y":1000,"z":null},true,null,false],"d":"yes"}"#)
        #expect(try json("\"a\\\"\\\\\\n\\e\": \"\u{FC}\"") == "{\"a\\\"\\\\\\n\\u001b\":\"\u{FC}\"}")
    }

    @Test("JSON has a limit, by its length and by its depth")
    func limits() throws {
        #expect(try json("[1, 2]", atMost: 5) == "[1,2]")
        #expect(try json("[1, 2]", atMost: 4) == nil)
        var text = "a0: &a0 " + String(repeating: "[", count: 150) + String(repeating: "]", count: 150)
        text += "\na1: " + String(repeating: "[", count: 150) + "*a0" + String(repeating: "]", count: 150)
        #expect(try json(text) == nil)
    }
}
