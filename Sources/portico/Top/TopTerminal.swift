import Base
import EventLoop
import Glibc

/// A terminal that is drawn on as a whole: another screen, which leaves the former one as it was, and keys that come one by
/// one. Any thread.
final class TopTerminal: Sendable {
    /// Reading looks up from waiting so often, in milliseconds.
    private static let pause: Int32 = 200

    /// What is typed, as it comes; ends with ``leave()`` and with the terminal.
    let input: AsyncStream<[UInt8]>
    private let typed: AsyncStream<[UInt8]>.Continuation
    private let inColour: Bool
    private let modes = TerminalModes(descriptor: STDIN_FILENO, takesKeys: true)
    /// It has the screen.
    private let isOpen = Guarded(false)
    private let isReading = Guarded(false)

    init(inColour: Bool) {
        self.inColour = inColour
        (input, typed) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(64))
    }

    func enter() {
        resume()
        isReading.withLock { $0 = true }
        _ = try? LoopThread(name: "keys") { [self] in read() }
    }

    func leave() {
        isReading.withLock { $0 = false }
        typed.finish()
        suspend()
    }

    /// The process goes on in the foreground; in the background nothing happens.
    func resume() {
        isOpen.withLock { isOpen in
            guard !isOpen, modes.isInForeground else { return }
            isOpen = true
            modes.enter()
            write(TerminalModes.otherScreenSequence)
        }
    }

    /// The process is about to be stopped, or to end.
    func suspend() {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            isOpen = false
            write(TerminalModes.formerScreenSequence)
            modes.leave()
        }
    }

    func draw(_ model: Guarded<TopModel>) {
        let (columns, rows) = size
        let frame = model.withLock { model in
            model.page = Frame.page(rows)
            return Frame(model, columns: columns, height: max(1, rows - 1), at: .now)
        }
        var text = "\u{1B}[H"
        for (index, line) in frame.rendered(inColour: inColour).enumerated() {
            // Cleared first: behind a line that is full, the cursor stands on its last character.
            text += (index > 0 ? "\r\n" : "") + "\u{1B}[K" + line.text
        }
        text += "\r\n\u{1B}[J"
        isOpen.withLock { isOpen in
            // Another program may have the terminal by now.
            if isOpen, modes.isInForeground { write(text) }
        }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while isReading.withLock({ $0 }) {
            var event = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&event, 1, Self.pause) > 0 else { continue }
            // What is typed for others is theirs, and reading it from the background would stop this process.
            guard isReading.withLock({ $0 }), modes.isInForeground else {
                usleep(UInt32(Self.pause) * 1000)
                continue
            }
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
