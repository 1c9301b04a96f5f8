import Testing

@testable import Documents

@Suite("Cutting a file into documents")
struct DocumentSplitterTests {
    private func split(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return DocumentSplitter.split(bytes).map {
            "\($0.firstLine): " + String(decoding: bytes[$0.range], as: UTF8.self).replacing("\n", with: "|")
        }
    }

    struct SplitCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var documents: [String]
    }

    @Test(
        "Documents",
        arguments: [
            SplitCase(testDescription: "one without marker", text: "a: 1\n", documents: ["1: a: 1|"]),
            SplitCase(testDescription: "nothing", text: "", documents: []),
            SplitCase(testDescription: "only comments and markers", text: "# a\n---\n\n--- # b\n---\n", documents: []),
            SplitCase(testDescription: "two", text: "a: 1\n---\nb: 2", documents: ["1: a: 1|", "2: ---|b: 2"]),
            SplitCase(
                testDescription: "licence comment first", text: "# licence\n---\na: 1\n---\nb: 2\n",
                documents: ["2: ---|a: 1|", "4: ---|b: 2|"]),
            SplitCase(
                testDescription: "content on the marker's line", text: "--- {a: 1}\n--- !tag\nb: 2\n",
                documents: ["1: --- {a: 1}|", "2: --- !tag|b: 2|"]),
            SplitCase(
                testDescription: "indented or longer dashes are text", text: "a: |\n  ---\n  b\n----\n---x\n",
                documents: ["1: a: ||  ---|  b|----|---x|"]),
            SplitCase(
                testDescription: "end markers", text: "a: 1\n...\n# c\n...\nb: 2\n---\nc: 3\n...\n",
                documents: ["1: a: 1|", "5: b: 2|", "6: ---|c: 3|"]),
            SplitCase(
                testDescription: "directives belong to what follows",
                text: "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n",
                documents: ["1: %YAML 1.1|---|a: 1|", "5: %YAML 1.1|---|b: 2|"]),
            SplitCase(testDescription: "marker at the end of the file", text: "a: 1\n---", documents: ["1: a: 1|"]),
        ])
    func documents(_ row: SplitCase) {
        #expect(split(row.text) == row.documents)
    }

    @Test("Carriage returns before line feeds")
    func carriageReturns() {
        let text = "a: 1\r\n---\r\n---\r\nb: 2\r\n"
        #expect(DocumentSplitter.split(Array(text.utf8)).map(\.firstLine) == [1, 3])
    }
}
