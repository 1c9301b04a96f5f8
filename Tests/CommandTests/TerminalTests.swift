import Testing

@testable import portico

@Suite struct TableTests {
    @Test func alignsColumnsByTheirContent() {
        var table = Table(("SERVICE", .leading), ("CONNECTIONS", .trailing), ("NOTE", .leading))
        table.addRow("default/my-service", "7", "")
        table.addRow("a", "12345", "half of them late")
        #expect(
            table.rendered(inColour: false) == """
                SERVICE             CONNECTIONS  NOTE
                default/my-service            7
                a                         12345  half of them late

                """)
    }

    @Test func colourDoesNotMoveColumns() {
        var table = Table("A", "B")
        table.addRow(StyledText("x", .green), "y")
        table.addRow("longer", "z")
        let plain = table.rendered(inColour: false)
        let colour = table.rendered(inColour: true)
        #expect(colour.contains("\u{1B}[32mx\u{1B}[0m       y\n"))
        #expect(colour.replacing(/\u{1B}\[\d+m/, with: "") == plain)
    }

    @Test func shortRowsAreFilledAndAnEmptyTableIsItsHeader() {
        var table = Table("A", "B", "C")
        #expect(table.rendered(inColour: false) == "A  B  C\n")
        table.addRow("1")
        #expect(table.rendered(inColour: false) == "A  B  C\n1\n")
    }
}

@Suite struct JSONLineTests {
    @Test func keepsTheOrderOfKeys() {
        let line = JSONLine(["z": 1, "a": [true, .null, "x"], "m": ["b": 2, "a": .number(0.5)]])
        #expect(line.text == #"{"z":1,"a":[true,null,"x"],"m":{"b":2,"a":0.5}}"# + "\n")
    }

    @Test func escapesWhatWouldBreakTheLine() {
        let text = JSONValue.string("\"\\\n\r\t\u{1}\u{2028}é😀").text
        #expect(text == #""\"\\\n\r\t\u0001\u2028é😀""#)
        #expect(JSONValue.number(.infinity).text == "null")
    }
}
