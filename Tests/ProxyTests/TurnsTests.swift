import TestSupport
import Testing

@testable import Proxy

@Suite("Taking turns", .timeLimit(.minutes(1))) struct TurnsTests {
    /// Open to others while it waits, as every actor is.
    private actor Book {
        private let turns = Turns()
        private(set) var asked = 0
        private(set) var lines: [String] = []

        func write(_ name: String, _ cue: Cue? = nil) async {
            asked += 1
            await turns.take {
                lines.append("\(name) begins")
                await Task.yield()
                try? await cue?.wait()
                lines.append("\(name) ends")
            }
        }
    }

    private func lines(_ names: [String]) -> [String] { names.flatMap { ["\($0) begins", "\($0) ends"] } }

    @Test("One is done to its end before the next begins, in the order in which they were asked for")
    func order() async {
        let (book, cue) = (Book(), Cue())
        var tasks: [Task<Void, Never>] = []
        let names = (0..<20).map { "\($0)" }
        for (index, name) in names.enumerated() {
            tasks.append(Task { await book.write(name, index == 0 ? cue : nil) })
            #expect(await eventually { await book.asked == index + 1 })
        }
        #expect(await book.lines == ["0 begins"])
        cue.give()
        for task in tasks { await task.value }
        #expect(await book.lines == lines(names))
        await book.write("last")
        #expect(await book.lines == lines(names + ["last"]))
    }

    @Test("One whose task is cancelled leaves the turn to the next")
    func cancelled() async {
        let (book, cue) = (Book(), Cue())
        let first = Task { await book.write("first", cue) }
        #expect(await eventually { await book.asked == 1 })
        let second = Task { await book.write("second") }
        #expect(await eventually { await book.asked == 2 })
        for task in [first, second] { task.cancel() }
        cue.give()
        for task in [first, second] { await task.value }
        await book.write("third")
        #expect(await book.lines == lines(["first", "second", "third"]))
    }
}
