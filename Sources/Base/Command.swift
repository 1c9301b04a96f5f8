public import Glibc

/// A program run to its end, with text for its standard input.
public struct Command: Sendable {
    public struct Result: Sendable {
        /// The exit status, or 128 plus the signal that ended it.
        public var status: Int32
        public var output: String
        public var errors: String

        /// What it said, in one piece.
        public var message: String {
            let text = errors.isEmpty ? output : errors
            return String(text.split(separator: "\n").joined(separator: "; "))
        }
    }

    /// With its folder.
    public var path: String
    public var arguments: [String]

    /// - Parameter path: with its folder.
    public init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    /// The program without its folder, for messages.
    public var program: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Why a program has no result.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// It could not be started, or not be talked to; the code is an errno.
        case notStarted(program: String, code: Int32)
        /// It was killed after so many seconds.
        case timedOut(program: String, seconds: Int)

        public var description: String {
            switch self {
            case .notStarted(let program, let code): "cannot run \(program): \(SystemError.reason(code))"
            case .timedOut(let program, let seconds): "\(program) did not end within \(seconds) s and was killed"
            }
        }
    }

    /// Blocks the calling thread until the program has ended, or is killed after so many seconds.
    ///
    /// - Parameter started: is given the process's number, before the process has read any input.
    public func run(
        input: String = "", seconds: Int = 60, started: (pid_t) -> Void = { _ in }
    ) throws(Failure) -> Result {
        // Socket pairs, not pipes: these can be close-on-exec from the start, so that no other child holds an end open, and
        // writing to one whose reader is gone raises no SIGPIPE.
        let streams = [try Stream(program), try Stream(program), try Stream(program)]
        let pid = try spawn(streams)
        started(pid)
        for stream in streams { stream.closeTheirs() }
        let isDone = exchange(input, streams, until: MonotonicTime.milliseconds + seconds * 1000)
        if !isDone { kill(pid, SIGKILL) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard isDone else { throw .timedOut(program: program, seconds: seconds) }
        let signal = status & 0x7F
        return Result(
            status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: streams[1].text, errors: streams[2].text)
    }

    /// One end of a standard stream, and what came out of it.
    private final class Stream {
        let ours: Int32
        private(set) var theirs: Int32
        private var bytes: [UInt8] = []
        fileprivate(set) var isOpen = true

        init(_ program: String) throws(Failure) {
            var ends: [Int32] = [-1, -1]
            let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw .notStarted(program: program, code: errno) }
            (ours, theirs) = (ends[0], ends[1])
        }

        deinit {
            close(ours)
            closeTheirs()
        }

        func closeTheirs() {
            if theirs >= 0 { close(theirs) }
            theirs = -1
        }

        var text: String { String(decoding: bytes, as: UTF8.self) }

        func receive() {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let count = recv(ours, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                bytes += buffer[..<count]
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                isOpen = false
            }
        }
    }

    private func spawn(_ streams: [Stream]) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream.theirs, Int32(number))
        }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let code = SpawnAttributes.withDefaultSignals { posix_spawn(&pid, path, &actions, $0, words, environ) }
        guard code == 0 else { throw .notStarted(program: program, code: code) }
        return pid
    }

    /// Writes the input and reads both outputs, all at once, so that neither side waits for the other for ever.
    ///
    /// - Returns: whether the program has closed its outputs in time.
    private func exchange(_ input: String, _ streams: [Stream], until deadline: Int) -> Bool {
        var rest = Array(input.utf8)[...]
        let outputs = streams[1...]
        while outputs.contains(where: \.isOpen) {
            if rest.isEmpty, streams[0].isOpen {
                shutdown(streams[0].ours, Int32(SHUT_WR))
                streams[0].isOpen = false
            }
            let open = streams.filter(\.isOpen)
            var polled = open.map { stream in
                pollfd(fd: stream.ours, events: Int16(stream === streams[0] ? POLLOUT : POLLIN), revents: 0)
            }
            let left = deadline - MonotonicTime.milliseconds
            guard left > 0 else { return false }
            guard poll(&polled, nfds_t(polled.count), Int32(clamping: left)) > 0 else { continue }
            for (stream, entry) in zip(open, polled) where entry.revents != 0 {
                if stream === streams[0] {
                    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                    let count = rest.withUnsafeBytes { send(stream.ours, $0.baseAddress, $0.count, flags) }
                    if count >= 0 {
                        rest = rest.dropFirst(count)
                    } else if errno != EAGAIN, errno != EINTR {
                        // It has closed its input; its status will say why.
                        rest = []
                    }
                } else {
                    stream.receive()
                }
            }
        }
        return true
    }
}

/// The clock of time-outs.
enum MonotonicTime {
    static var milliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
