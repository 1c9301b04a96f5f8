import Balancing
import Base
import Glibc
import Proxy
import Relay

/// A line for each TCP connection that has ended. Nobody's connection waits for it: what finds no room is left out, and
/// counted in a line in its place.
///
/// A file that was moved away or removed, as logrotate does, is made anew within a second.
final class AccessLog: Sendable {
    enum Which: Hashable, Sendable {
        case all
        /// Those that did not end well.
        case failures
        /// One of so many of those that ended well, and all others.
        case sample(Int)
    }

    private struct State {
        var queue: LineQueue
        var file: Int32
        var identity: FileIdentity?
        var looked: ContinuousClock.Instant
        /// Of those that ended well.
        var count = 0
        /// A file that could not be made anew is told once.
        var isFailing = false
    }

    /// Which file a descriptor or a path is.
    private struct FileIdentity: Equatable {
        var device: dev_t
        var number: ino_t

        init?(_ look: (inout stat) -> Int32) {
            var status = stat()
            guard look(&status) == 0 else { return nil }
            (device, number) = (status.st_dev, status.st_ino)
        }
    }

    private static let interval = Duration.seconds(1)
    private static let repetition = Duration.seconds(60)

    /// Nil for standard output.
    private let path: String?
    private let format: OutputFormat
    private let which: Which
    private let state: Guarded<State>

    /// - Parameter path: `-` for standard output.
    /// - Throws: ``CommandFailure`` if the file cannot be opened.
    init(_ path: String, _ format: OutputFormat, _ which: Which) throws(CommandFailure) {
        self.path = path == "-" ? nil : path
        self.format = format
        self.which = which
        var file = STDOUT_FILENO
        if path != "-" {
            file = Self.open(path)
            guard file >= 0 else {
                throw CommandFailure("--access-log: cannot write \(path): \(SystemError.reason(errno).lowercased())")
            }
        }
        state = Guarded(
            State(
                queue: Self.queue(file, path, format), file: file, identity: FileIdentity { fstat(file, &$0) },
                looked: .now))
    }

    private static func open(_ path: String) -> Int32 {
        // A pipe that nobody reads would keep this waiting, and with it all that is told.
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o640)
        if file >= 0 { _ = fcntl(file, F_SETFL, O_APPEND) }
        return file
    }

    private static func queue(_ file: Int32, _ path: String, _ format: OutputFormat) -> LineQueue {
        let told = Guarded<ContinuousClock.Instant?>(nil)
        return LineQueue(file, capacity: StandardStream.capacity) {
            notice($0, format)
        } failed: { code in
            // A full disk takes a line now and then.
            let isNews = told.withLock { told in
                guard told.map({ .now - $0 > repetition }) ?? true else { return false }
                told = .now
                return true
            }
            guard isNews else { return }
            StandardStream.error.write(
                "portico: cannot write \(path): \(SystemError.reason(code).lowercased()); lines are dropped and counted until that works\n"
            )
        }
    }

    private static func notice(_ dropped: Int, _ format: OutputFormat) -> String {
        format == .json ? JSONLine(["dropped": .integer(dropped)]).text : "… \(several(dropped, "line")) dropped here\n"
    }

    func take(_ event: RelayEvent) {
        guard case .connectionEnded(let record) = event, wants(record) else { return }
        write(AccessLine(record: record, time: .now()).text(format))
    }

    /// So many reports of the relay have been left out, of connections or of other things.
    func miss(_ count: Int) { write(Self.notice(count, format)) }

    private func write(_ line: String) {
        if path == nil { return StandardStream.output.write(line) }
        reopen()
        state.withLock { $0.queue.add(line) }
    }

    private func wants(_ record: ConnectionRecord) -> Bool {
        let isWell = record.outcome == .completed
        switch which {
        case .all: return true
        case .failures: return !isWell
        case .sample(let share):
            return !isWell
                || state.withLock { state in
                    state.count += 1
                    return state.count % share == 0
                }
        }
    }

    /// Follows the path to another file.
    private func reopen() {
        guard let path else { return }
        state.withLock { state in
            guard .now - state.looked >= Self.interval else { return }
            state.looked = .now
            guard FileIdentity({ stat(path, &$0) }) != state.identity else { return }
            // What is being written must not find another file under its number: one that takes nothing is kept.
            guard state.queue.flush(within: .milliseconds(100)) else { return }
            let file = Self.open(path)
            guard file >= 0 else {
                if !state.isFailing {
                    StandardStream.error.write(
                        "portico: cannot write \(path): \(SystemError.reason(errno).lowercased()); the file of before is written to\n"
                    )
                }
                state.isFailing = true
                return
            }
            close(state.file)
            let dropped = state.queue.takeDropped()
            (state.file, state.queue, state.isFailing) = (file, Self.queue(file, path, format), false)
            if dropped > 0 { state.queue.add(Self.notice(dropped, format)) }
            state.identity = FileIdentity { fstat(file, &$0) }
        }
    }

    /// Waits for what is queued, but not for long.
    func finish() {
        guard path != nil else { return }
        _ = state.withLock { $0.queue }.flush(within: .seconds(1))
    }
}

/// A connection as a line.
struct AccessLine {
    let record: ConnectionRecord
    let time: WallClockTime

    func text(_ format: OutputFormat) -> String {
        switch format {
        case .json: json.text
        case .text: words
        }
    }

    private var words: String {
        let endpoint = record.endpoint.map(\.title) ?? "-"
        let failed = record.failed.map { "\($0.endpoint.title): \($0.reason)" }.joined(separator: ", ")
        return "\(time.iso8601) \(record.port) \(record.client) -> \(endpoint.onOneLine) up=\(record.bytesUp) "
            + "down=\(record.bytesDown) ms=\(record.milliseconds) attempts=\(record.attempts)"
            + (failed.isEmpty ? "" : " (\(failed.onOneLine))") + ": \(record.outcome.words)\n"
    }

    private var json: JSONLine {
        JSONLine([
            ("time", .string(time.iso8601)), ("service", .string("\(record.port)")),
            ("client", .string("\(record.client)")),
            ("endpoint", record.endpoint.map { .string("\($0.address)") } ?? .null),
            ("pod", .string(record.endpoint?.podName ?? "")), ("attempts", .integer(record.attempts)),
            (
                "failed",
                .array(
                    record.failed.map { failure in
                        [
                            "endpoint": .string("\(failure.endpoint.address)"),
                            "pod": .string(failure.endpoint.podName),
                            "error": .string(failure.reason),
                        ]
                    })
            ),
            ("bytesUp", .integer(Int(clamping: record.bytesUp))),
            ("bytesDown", .integer(Int(clamping: record.bytesDown))),
            ("milliseconds", .integer(Int(clamping: record.milliseconds))), ("outcome", .string(record.outcome.words)),
        ])
    }
}
