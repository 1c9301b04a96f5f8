import Base
import Dispatch
import EventLoop

/// Lines on their way to a descriptor that may block for ever: a pipe that nobody reads, a terminal that is stopped.
///
/// They are written by a thread of Dispatch's, the only one that waits. The descriptor stays as it is, since to make it
/// non-blocking would make it so for the shell and everybody else who shares it. What finds no room, or cannot be
/// written, is dropped and counted; the count is a line in the place of what is missing.
final class LineQueue: Sendable {
    private enum Entry {
        case line(String)
        case dropped(Int)
    }

    private struct State {
        var entries: [Entry] = []
        /// Of the entries, and of those that are being written.
        var bytes = 0
        /// Not told yet.
        var dropped = 0
        var isWriting = false
        /// The last write failed.
        var isFailing = false
        /// Half of a line is out.
        var isWithinLine = false
    }

    private let descriptor: Int32
    private let capacity: Int
    private let notice: @Sendable (_ dropped: Int) -> String
    private let failed: @Sendable (_ code: Int32) -> Void
    private let state = Guarded(State())
    private let writer = DispatchQueue(label: "portico.output")

    /// - Parameters:
    ///   - notice: a line that says that so many were dropped.
    ///   - failed: called when something cannot be written, and what was before could be.
    init(
        _ descriptor: Int32, capacity: Int, notice: @escaping @Sendable (_ dropped: Int) -> String,
        failed: @escaping @Sendable (_ code: Int32) -> Void = { _ in }
    ) {
        self.failed = failed
        self.descriptor = descriptor
        self.capacity = capacity
        self.notice = notice
    }

    /// Any thread; never waits.
    func add(_ line: String) {
        let isFirst = state.withLock { state in
            // A single line may be larger than all the room there is.
            guard state.bytes == 0 || state.bytes + line.utf8.count <= capacity else {
                state.dropped += 1
                return false
            }
            if state.dropped > 0 { state.entries.append(.dropped(state.dropped)) }
            state.dropped = 0
            state.entries.append(.line(line))
            state.bytes += line.utf8.count
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isFirst { writer.async { self.writeAll() } }
    }

    /// How many were dropped that no line has told of; the caller tells it.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }

    /// Waits until all is written or dropped, or `limit` is over.
    func flush(within limit: Duration) -> Bool {
        let done = DispatchSemaphore(value: 0)
        writer.async { done.signal() }
        return done.wait(timeout: .now() + limit / .seconds(1)) == .success
    }

    private func writeAll() {
        while case let entries = next(), !entries.isEmpty {
            for entry in entries { write(entry) }
        }
    }

    /// Writes one entry with one system call where it can, so that lines of others do not come in between.
    private func write(_ entry: Entry) {
        let (text, count) =
            switch entry {
            case .line(let line): (line, 1)
            case .dropped(let count): (notice(count), count)
            }
        // What follows half of a line is not to be taken for the rest of it.
        let isWithinLine = state.withLock { $0.isWithinLine }
        var written = 0
        let failure = StandardStream.write(isWithinLine ? "\n" + text : text, to: descriptor, written: &written)
        let isNews = state.withLock { state in
            defer { state.isFailing = failure != nil }
            state.isWithinLine = failure != nil && (isWithinLine || written > 0)
            if failure != nil { state.dropped += count }
            if case .line(let line) = entry { state.bytes -= line.utf8.count }
            return !state.isFailing
        }
        if let failure, isNews { failed(failure) }
    }

    /// What is to be written next; after nothing, the next line starts the writing again.
    private func next() -> [Entry] {
        state.withLock { state in
            defer { state.entries = [] }
            guard state.entries.isEmpty else { return state.entries }
            // What was dropped last is told now if anybody takes it, else with the next line.
            if state.dropped > 0, !state.isFailing {
                defer { state.dropped = 0 }
                return [.dropped(state.dropped)]
            }
            state.isWriting = false
            return []
        }
    }
}
