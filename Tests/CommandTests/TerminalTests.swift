import Base
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

extension TableTests {
    @Test("Empty cells take the room of their column, but for those at the end of a row")
    func emptyCells() {
        var table = Table(("A", .leading), ("NUMBER", .trailing), ("C", .trailing))
        table.addRow("", "1", "")
        table.addRow("", "", "2")
        table.addRow("", "", "")
        table.addRow()
        #expect(table.rendered(inColour: false) == "A  NUMBER  C\n        1\n           2\n\n\n")
        var one = Table(("ONLY", .trailing))
        one.addRow("")
        #expect(one.rendered(inColour: false).split(separator: "\n").first == "ONLY")
    }

    @Test("A cell that is wider than any screen moves its own column only, and letters of all scripts count as one")
    func wideCells() {
        var table = Table("A", "B")
        let wide = String(repeating: "x", count: 1000)
        table.addRow(StyledText(wide), "y")
        table.addRow("é", "z")
        table.addRow("e\u{301}", "z")
        let lines = table.rendered(inColour: false).split(separator: "\n").map(String.init)
        #expect(lines[0] == "A" + String(repeating: " ", count: 1001) + "B")
        #expect(lines[1] == wide + "  y")
        #expect(lines[2].count == 1003 && lines[3] == lines[2], "however they are written")
    }

    @Test("Names of others break no line and move no cursor")
    func hostileCells() {
        var table = Table("POD", "ADDRESS")
        table.addRow(StyledText("web\nGone: shop/cart\u{1B}[2J", .bold), "10.0.0.1\r")
        for inColour in [false, true] {
            let text = table.rendered(inColour: inColour)
            #expect(text.split(separator: "\n").count == 2)
            #expect(!text.contains("\r") && !text.contains("[2J"))
        }
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
