import Base
import Dispatch
import EventLoop
import Glibc

/// A frame at the end of a terminal, with lines scrolling above it: those that this process writes to its streams. It
/// has the terminal from ``open()`` to ``close()``, and leaves the last frame readable.
///
/// Written by a thread of Dispatch's, the only one that waits for a terminal that is stopped; of frames that it has not
/// come to, only the newest counts. Nothing is written that stands there already. Any thread.
final class TerminalScreen: Sendable {
    private struct State {
        var isOpen = false
        /// The process is in the background, or about to be stopped: lines are written, and no frame.
        var isPaused = false
        /// Until it goes on, what the terminal runs in its foreground means nothing.
        var isStopping = false
        /// Whole lines that are to scroll, and how many found no room among them.
        var lines = ""
        var dropped = 0
        var frame: [Frame.Line] = []
        var isNews = false
        var isResized = false
        var isWriting = false
    }

    private let descriptor: Int32
    private let inColour: Bool
    private let modes: TerminalModes
    private let state = Guarded(State())
    private let paper = Guarded(Paper())
    private let writer = DispatchQueue(label: "portico.screen")

    init(descriptor: Int32, inColour: Bool) {
        self.descriptor = descriptor
        self.inColour = inColour
        modes = TerminalModes(descriptor: descriptor)
    }

    /// 80 × 24 where the terminal does not say.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Takes the terminal, and all lines of the streams that lead to it.
    func open() {
        modes.enter()
        state.withLock { $0.isOpen = true }
        // What comes from here on stands behind what was written before, which is waited for.
        writer.suspend()
        for stream in streams {
            stream.divert { self.write($0) }
            stream.flush(within: Self.patience)
        }
        writer.resume()
    }

    /// Gives the terminal back; the last frame stays where it is. To be called again is harmless.
    func close() {
        guard state.withLock({ $0.isOpen }) else { return }
        leave { $0.isOpen = false }
        for stream in streams { stream.divert(nil) }
        // Lines that came in between, since the process may end now.
        let done = DispatchSemaphore(value: 0)
        writer.async { done.signal() }
        wait(for: done)
    }

    /// Scrolls above the frame.
    func write(_ lines: String) {
        start { state in
            let isFull = !state.lines.isEmpty && state.lines.utf8.count + lines.utf8.count > StandardStream.capacity
            if isFull { state.dropped += 1 } else { state.lines += lines }
        }
    }

    /// - Parameter isResized: the terminal has another size than for the frame before.
    func show(_ frame: Frame, isResized: Bool = false) {
        let lines = frame.rendered(inColour: inColour)
        start { state in
            state.frame = lines
            if isResized { state.isResized = true }
        }
    }

    // MARK: Foreground and background

    var isInForeground: Bool { modes.isInForeground }

    /// The process comes to the background, or is about to be stopped: the terminal is as it was, until ``resume()``.
    func pause(isStopping: Bool = false) {
        leave { state in
            state.isPaused = true
            if isStopping { state.isStopping = true }
        }
    }

    /// The process goes on, and others may have written to the terminal. In the background it stays paused.
    func resume() {
        state.withLock { $0.isStopping = false }
        guard modes.isInForeground else { return }
        modes.enter()
        writer.async { self.paper.withLock { $0.forget() } }
        start { $0.isPaused = false }
    }

    /// Whether the process is in the foreground and the frame is not shown, or the other way round.
    var hasMoved: Bool {
        let (isPaused, isStopping) = state.withLock { ($0.isPaused, $0.isStopping) }
        return !isStopping && isPaused == modes.isInForeground
    }

    // MARK: Writing

    private static let patience = Duration.seconds(1)

    /// Those that lead to this terminal.
    private var streams: [StandardStream] {
        [StandardStream.output, .error].filter { $0.leadsToSame(as: descriptor) }
    }

    private func start(_ change: (inout State) -> Void) {
        let isFirst = state.withLock { state in
            change(&state)
            state.isNews = true
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isFirst { writer.async { self.writeAll() } }
    }

    private func writeAll() {
        while let next = next() {
            let columns = size.columns
            let text = paper.withLock {
                $0.turn(
                    to: next.isOpen && !next.isPaused ? next.frame : [], scrolling: next.lines, columns: columns,
                    isResized: next.isResized)
            }
            if !text.isEmpty { _ = StandardStream.write(text, to: descriptor) }
        }
    }

    private func next() -> State? {
        state.withLock { state in
            guard state.isNews else {
                state.isWriting = false
                return nil
            }
            var next = state
            if state.dropped > 0 {
                next.lines += "… \(several(state.dropped, "line")) dropped here: nobody read them in time\n"
            }
            (state.lines, state.dropped, state.isResized, state.isNews) = ("", 0, false, false)
            return next
        }
    }

    /// Waits until all is written, but not for a terminal that is stopped.
    private func leave(_ change: @escaping @Sendable (inout State) -> Void) {
        let done = DispatchSemaphore(value: 0)
        writer.async {
            // Not before what was shown last stands there.
            self.state.withLock { change(&$0) }
            let text = self.paper.withLock { $0.leave() }
            if !text.isEmpty { _ = StandardStream.write(text, to: self.descriptor) }
            done.signal()
        }
        wait(for: done)
        modes.leave()
    }

    private func wait(for done: DispatchSemaphore) {
        _ = done.wait(timeout: .now() + Self.patience / .seconds(1))
    }
}
