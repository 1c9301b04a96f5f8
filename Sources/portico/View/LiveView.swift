import Base
import EventLoop
import Glibc
import Relay
import Status

/// `portico dev` on a terminal: how things stand, kept up to date, with log lines scrolling above it.
///
/// Drawn when something has changed, ten times a second at most, and looked at once a second.
final class LiveView: Sendable {
    private static let rest = Duration.milliseconds(100)
    private static let interval = Duration.seconds(1)
    /// Part of a terminal's height that is left to log lines, but not more lines than that.
    private static let logShare = 4
    private static let mostLogLines = 8

    private let screen: TerminalScreen
    private let feed: Guarded<ViewFeed>
    /// What was drawn last, and for which columns and rows.
    private let drawn = Guarded<(ViewModel, Int, Int)?>(nil)
    private let counters = Guarded<@Sendable () -> RelaySnapshot>({ RelaySnapshot() })
    private let tasks = Guarded<(signals: SignalStream?, running: [Task<Void, Never>])>((nil, []))
    private let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(_ screen: TerminalScreen, _ feed: ViewFeed) {
        self.screen = screen
        self.feed = Guarded(feed)
    }

    // MARK: What it is told

    /// Whose counters are shown from now on.
    func begin(_ counters: @escaping @Sendable () -> RelaySnapshot) { self.counters.withLock { $0 = counters } }

    func update(_ change: (inout ViewFeed) -> Bool) {
        if feed.withLock({ change(&$0) }) { wake.yield() }
    }

    // MARK: Its life

    func open() {
        screen.open()
        let signals = try? SignalStream([SIGWINCH, SIGTSTP, SIGCONT])
        draw()
        let running = [
            Task { [self, wakes] in
                for await _ in wakes {
                    draw()
                    try? await Task.sleep(for: Self.rest)
                }
            },
            Task { [self] in
                while (try? await Task.sleep(for: Self.interval)) != nil { look() }
            },
            Task { [self] in
                guard let signals else { return }
                var wentOn: ContinuousClock.Instant?
                for await signal in signals.signals { take(signal, &wentOn) }
            },
        ]
        tasks.withLock { $0 = (signals, running) }
    }

    /// What it says last stays on the terminal. To be called again is harmless.
    func close() {
        let (signals, running) = tasks.withLock { tasks in
            defer { tasks = (nil, []) }
            return tasks
        }
        guard !running.isEmpty else { return }
        for task in running { task.cancel() }
        signals?.close()
        draw()
        screen.close()
    }

    private func look() {
        if screen.hasMoved { screen.isInForeground ? screen.resume() : screen.pause() }
        wake.yield()
    }

    /// - Parameter wentOn: when the process went on after it was last asked to stop.
    private func take(_ signal: Int32, _ wentOn: inout ContinuousClock.Instant?) {
        switch signal {
        case SIGWINCH: draw(isResized: true)
        case SIGTSTP:
            screen.pause(isStopping: true)
            // To stop or not is for the kernel to say: where no shell is that could let it go on, this one must not
            // stop.
            DefaultAction.take(SIGTSTP)
            screen.resume()
            wentOn = .now
            draw()
        default:
            // The signal that ended that stop comes after it.
            if let wentOn, .now - wentOn < Self.interval { return }
            screen.resume()
            draw()
        }
    }

    private func draw(isResized: Bool = false) {
        let snapshot = counters.withLock { $0 }()
        let model = feed.withLock { $0.model(snapshot) }
        let size = screen.size
        let isNews = drawn.withLock { drawn in
            defer { drawn = (model, size.columns, size.rows) }
            return drawn.map { $0 != (model, size.columns, size.rows) } ?? true
        }
        guard isNews || isResized else { return }
        let height = size.rows - min(Self.mostLogLines, size.rows / Self.logShare)
        screen.show(Frame(model, columns: size.columns, height: height), isResized: isResized)
    }
}
