public import Base

/// Process signals for the control plane: an `AsyncSequence` fed by a loop on a thread of its own.
public final class SignalStream: Sendable {
    /// The numbers of the signals, in the order in which they came. For one reader.
    public let signals: AsyncStream<Int32>

    private let loop: EventLoop
    private let thread: LoopThread

    /// Takes `signals` away from their default action, until ``close()``.
    public init(_ numbers: [Int32]) throws(SystemError) {
        let loop = try EventLoop()
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        let watcher = try SignalWatcher(on: loop, numbers) { continuation.yield($0) }
        // Made before the loop runs; from here on only the loop's thread touches the watcher.
        nonisolated(unsafe) let held = watcher
        thread = try LoopThread(name: "signals") {
            _ = loop.run { _, _ in }
            withExtendedLifetime(held) {}
            continuation.finish()
        }
        self.loop = loop
        self.signals = stream
    }

    /// Gives the signals back to their default action and ends the stream. Idempotent; one caller at a time.
    public func close() {
        loop.stop()
        thread.join()
    }

    deinit {
        close()
    }
}
