import Base
import EventLoop
import Glibc

/// Standard output or standard error: whole lines, and whether a person is watching.
///
/// A command whose output is all there is waits for its reader, as any tool does, and has failed if it cannot write.
/// One that serves must not: nobody's clients wait for somebody who does not read a log. After
/// ``startQueueing(capacity:notice:)`` writing never waits, and what finds no room is dropped and counted.
final class StandardStream: Sendable {
    /// The bytes that may wait for a reader.
    static let capacity = 4 << 20

    static let output = StandardStream(descriptor: STDOUT_FILENO)
    static let error = StandardStream(descriptor: STDERR_FILENO)

    let descriptor: Int32
    private let state = Guarded(State())

    private struct State {
        var queue: LineQueue?
        /// Takes what is written in place of the descriptor.
        var diversion: (@Sendable (String) -> Void)?
        var failure: Int32?
    }

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// To be called before anything is opened. The next thing that is would get the number of a stream that was closed
    /// at the start, and lines would go into somebody's connection. In its place stands what fails as a closed one
    /// does.
    static func replaceClosed() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // It gets the lowest number that is free, which is this one.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// From here on nothing waits for the reader.
    ///
    /// - Parameter notice: a line that says that so many were dropped.
    func startQueueing(
        capacity: Int = StandardStream.capacity, notice: @escaping @Sendable (_ dropped: Int) -> String
    ) {
        state.withLock { $0.queue = LineQueue(descriptor, capacity: capacity, notice: notice) }
    }

    /// Writes one line or several, past the buffers of stdio: a line must be out when the next thing happens, also in a
    /// pipe.
    func write(_ text: String) {
        let (queue, diversion) = state.withLock { ($0.queue, $0.diversion) }
        if let diversion { return diversion(text) }
        if let queue { return queue.add(text) }
        guard failure == nil, let failure = Self.write(text, to: descriptor) else { return }
        state.withLock { $0.failure = failure }
    }

    /// Has `take` get what is written from here on, in place of the descriptor; nil ends that.
    func divert(_ take: (@Sendable (String) -> Void)?) { state.withLock { $0.diversion = take } }

    func write(_ line: JSONLine) { write(line.text) }

    /// The error number of the first write that failed, where writing waits; nothing is written after that.
    var failure: Int32? { state.withLock { $0.failure } }

    /// Waits for what is queued to be written, but not for long: the reader may never come.
    ///
    /// - Returns: whether all is written.
    @discardableResult
    func flush(within limit: Duration) -> Bool { state.withLock { $0.queue }?.flush(within: limit) ?? true }

    /// Writes all of `text`, and waits for as long as that takes.
    ///
    /// - Returns: the error number, if it cannot.
    static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var written = 0
        return write(text, to: descriptor, written: &written)
    }

    /// - Parameter written: so many bytes are out, also if it cannot write all.
    static func write(_ text: String, to descriptor: Int32, written count: inout Int) -> Int32? {
        var text = text
        count = 0
        return text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while rest.count > 0 {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 && errno == EINTR { continue }
                if written < 0 && errno == EAGAIN {
                    // The terminal may be non-blocking because another program that shares it made it so.
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, 1000)
                    continue
                }
                guard written > 0 else { return errno }
                count += written
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
            return nil
        }
    }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Whether colours are seen and wanted: on a terminal that has them, unless NO_COLOR says otherwise.
    var takesColour: Bool { isTerminal && Self.variable("NO_COLOR").isEmpty && Self.variable("TERM") != "dumb" }

    /// Whether something can be changed that stands there: on a terminal with a cursor that can be moved.
    var takesView: Bool { isTerminal && !["", "dumb"].contains(Self.variable("TERM")) }

    private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    /// Whether what is written here goes to the same terminal as with the other descriptor.
    func leadsToSame(as other: Int32) -> Bool {
        var (mine, others) = (stat(), stat())
        return isTerminal && fstat(descriptor, &mine) == 0 && fstat(other, &others) == 0
            && mine.st_rdev == others.st_rdev
    }
}
