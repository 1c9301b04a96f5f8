import Testing

@testable import portico

@Suite("What is written so that a frame stands on a terminal") struct PaperTests {
    private var paper = Paper()
    private var terminal = VirtualTerminal(columns: 20, rows: 6)

    private func lines(_ texts: [String]) -> [Frame.Line] { texts.map { Frame.Line(text: $0, columns: $0.columns) } }

    @discardableResult
    private mutating func turn(_ frame: String..., scrolling: String = "", isResized: Bool = false) -> String {
        let text = paper.turn(
            to: lines(frame), scrolling: scrolling, columns: terminal.columns, isResized: isResized)
        // The terminal's own driver makes a carriage return of it.
        terminal.write(text.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n"))
        return text
    }

    @Test mutating func aFrameTakesThePlaceOfTheOneBefore() {
        terminal.write("$ portico dev\r\n")
        turn("title", "a 1", "b 2")
        #expect(terminal.screen == ["$ portico dev", "title", "a 1", "b 2"])
        #expect(!terminal.isCursorShown)
        turn("title", "a", "b 3")
        #expect(terminal.screen == ["$ portico dev", "title", "a", "b 3"])
        turn("title", "c")
        #expect(terminal.screen == ["$ portico dev", "title", "c"])
        turn("title", "c", "d", "e")
        #expect(terminal.screen == ["$ portico dev", "title", "c", "d", "e"])
        #expect(terminal.unknown.isEmpty)
    }

    @Test mutating func nothingIsWrittenThatStandsThereAlready() {
        #expect(!turn("a", "b").isEmpty)
        #expect(turn("a", "b").isEmpty)
        let text = turn("a", "c")
        #expect(!text.contains("a") && text.contains("c"), "only the line that differs")
    }

    @Test mutating func linesScrollAboveTheFrame() {
        turn("title", "row")
        for number in 1...9 { turn("title", "row", scrolling: "line \(number)\n") }
        #expect(terminal.screen == ["line 6", "line 7", "line 8", "line 9", "title", "row"])
        #expect(terminal.text.prefix(9) == (1...9).map { "line \($0)" }[...], "and none is lost")
        turn("title", "row", scrolling: String(repeating: "x", count: 30) + "\n")
        #expect(terminal.screen.suffix(4) == [String(repeating: "x", count: 20), "xxxxxxxxxx", "title", "row"])
    }

    @Test mutating func whatIsLeftIsReadableAndTheCursorIsBelow() {
        turn("title", "row")
        terminal.write(paper.leave())
        #expect(terminal.isCursorShown)
        terminal.write("$ next")
        #expect(terminal.screen == ["title", "row", "$ next"])
        #expect(paper.leave().isEmpty)
        terminal.write("\r\n")
        turn("title", "new")
        #expect(terminal.screen == ["title", "row", "$ next", "title", "new"])
    }

    @Test mutating func whatOthersHaveWrittenMeanwhileStays() {
        turn("title", "row")
        terminal.write("\r\n[1]+  Stopped\r\n$ fg")
        paper.forget()
        turn("title", "new")
        #expect(terminal.screen == ["title", "row", "[1]+  Stopped", "$ fg", "title", "new"])
    }

    @Test mutating func aFrameIsSeenOnceAllOfItIsWritten() {
        turn("title", "row")
        let (lines, cursor) = (terminal.screen, terminal.isCursorShown)
        terminal.write("\u{1B}[?2026h\u{1B}[?25h\r\u{1B}[Jnew")
        #expect(terminal.screen == lines && terminal.text == lines && terminal.isCursorShown == cursor)
        terminal.write("\u{1B}[?2026l")
        #expect(terminal.screen == ["title", "new"] && terminal.isCursorShown)
    }

    @Test mutating func withoutAFrameLinesAreLines() {
        turn(scrolling: "one\n")
        turn(scrolling: "two\n")
        #expect(terminal.screen == ["one", "two"] && terminal.isCursorShown)
    }

    @Test mutating func aTerminalThatGetsNarrowerHasWrappedTheLines() {
        terminal.write("$ portico dev\r\n")
        turn("a title of 20 column", "row")
        terminal.resize(columns: 10, rows: 6)
        turn("a title of", "row", isResized: true)
        #expect(
            terminal.screen
                == ["$ portico ", "dev", "a title of", "row"].map { $0.hasSuffix(" ") ? String($0.dropLast()) : $0 })
        terminal.resize(columns: 30, rows: 6)
        turn("a title of 20 column", "row", isResized: true)
        #expect(terminal.screen.suffix(2) == ["a title of 20 column", "row"])
        #expect(terminal.screen.count { $0.hasPrefix("a title") } == 1)
    }
}
