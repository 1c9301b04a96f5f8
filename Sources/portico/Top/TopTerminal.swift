import Base
import EventLoop
import Glibc

/// A terminal that is drawn on as a whole: another screen, which leaves the former one as it was, and keys that come one by
/// one. Any thread.
final class TopTerminal: Sendable {
    private static let enterSequence = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leaveSequence = "\u{1B}[?25h\u{1B}[?1049l"
    /// Reading looks up from waiting so often, in milliseconds.
    private static let pause: Int32 = 200

    /// What is typed, as it comes; ends with ``stopReading()`` and with the terminal.
    let input: AsyncStream<[UInt8]>
    private let typed: AsyncStream<[UInt8]>.Continuation
    private let inColour: Bool
    private let original = Guarded<termios?>(nil)
    private let isReading = Guarded(false)
    private let drawing = Guarded(())

    init(inColour: Bool) {
        self.inColour = inColour
        (input, typed) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(64))
    }

    func enter() {
        var modes = termios()
        guard tcgetattr(STDIN_FILENO, &modes) == 0 else { return }
        let before = modes
        original.withLock { $0 = before }
        // Signals stay: Ctrl-C is one.
        modes.c_lflag &= ~tcflag_t(ECHO | ICANON)
        tcsetattr(STDIN_FILENO, TCSANOW, &modes)
        write(Self.enterSequence)
        isReading.withLock { $0 = true }
        _ = try? LoopThread(name: "keys") { [self] in read() }
    }

    func leave() {
        stopReading()
        write(Self.leaveSequence)
        original.withLock { original in
            guard var modes = original else { return }
            tcsetattr(STDIN_FILENO, TCSANOW, &modes)
            original = nil
        }
    }

    func stopReading() {
        isReading.withLock { $0 = false }
        typed.finish()
    }

    func draw(_ model: Guarded<TopModel>) {
        let (columns, rows) = size
        let frame = model.withLock { model in
            model.page = Frame.page(rows)
            return Frame(model, columns: columns, height: rows, at: .now)
        }
        var text = "\u{1B}[H"
        for (index, line) in frame.rendered(inColour: inColour).enumerated() {
            if index > 0 { text += "\r\n" }
            text += line.text + "\u{1B}[K"
        }
        text += "\u{1B}[J"
        drawing.withLock { _ in write(text) }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while isReading.withLock({ $0 }) {
            var event = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&event, 1, Self.pause) > 0 else { continue }
            let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
            guard count > 0 else { return typed.finish() }
            typed.yield(Array(buffer[..<count]))
        }
    }

    /// 80 × 24 where the terminal does not say.
    private var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    private func write(_ text: String) { _ = StandardStream.write(text, to: STDOUT_FILENO) }
}
