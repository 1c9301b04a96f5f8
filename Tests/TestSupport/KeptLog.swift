public import Logging

/// Keeps what is logged, for tests that look at it. Any thread.
public final class KeptLog: Sendable {
    private let kept = Locked<[String]>([])

    public init() {}

    /// All that was logged so far, without levels and metadata.
    public var lines: [String] { kept.withLock { $0 } }

    /// A logger of which everything is kept here.
    public var logger: Logger { Logger(label: "test") { _ in Handler(kept: kept) } }

    private struct Handler: LogHandler {
        let kept: Locked<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { kept.withLock { $0.append("\(event.message)") } }
    }
}
