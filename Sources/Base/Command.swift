internal import Glibc

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
    /// Its environment, as `NAME=value`; nil for that of this process.
    public var environment: [String]?
    /// It reads the standard input of this process, to ask its user, and is given no text.
    public var sharesInput = false
    /// How many bytes it may write, to each of its outputs. The largest of all, the rules of a host with very many
    /// Services, are some ten million.
    public var outputLimit = 256 << 20
    /// What it says about errors goes where that of this process goes, and is not in the result.
    public var sharesErrors = false

    /// - Parameter path: with its folder.
    public init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    /// The path of a program that this process may run, in the first of some folders that has it.
    public static func find(_ program: String, in folders: [String]) -> String? {
        folders.lazy.map { "\($0)/\(program)" }.first { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
        }
    }

    /// The program without its folder, for messages.
    public var program: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Why a program has no result.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// It could not be started, or not be talked to; the code is an errno.
        case notStarted(program: String, code: Int32)
        /// It was killed after so many seconds.
        case timedOut(program: String, seconds: Int)
        /// It was killed because it wrote more than so many bytes.
        case tooLarge(program: String, limit: Int)
        /// It was killed because ``Stop`` said so.
        case stopped(program: String)

        public var description: String {
            switch self {
            case .notStarted(let program, let code): "cannot run \(program): \(SystemError.reason(code))"
            case .timedOut(let program, let seconds): "\(program) did not end within \(seconds) s and was killed"
            case .tooLarge(let program, let limit): "\(program) wrote more than \(limit) bytes and was killed"
            case .stopped(let program): "\(program) was stopped"
            }
        }
    }

    /// Blocks the calling thread until the program has ended, or is killed after so many seconds.
    ///
    /// - Parameters:
    ///   - stop: kills it earlier.
    ///   - started: is given the process's number, before the process has read any input.
    public func run(
        input: String = "", seconds: Int = 60, stop: Stop? = nil, started: (Int32) -> Void = { _ in }
    ) throws(Failure) -> Result {
        // Socket pairs, not pipes: these can be close-on-exec from the start, so that no other child holds an end open,
        // and writing to one whose reader is gone raises no SIGPIPE.
        var streams = [try Stream(program, number: 1)]
        if !sharesInput { streams.append(try Stream(program, number: 0)) }
        if !sharesErrors { streams.append(try Stream(program, number: 2)) }
        let pid = try spawn(streams)
        started(pid)
        for stream in streams { stream.closeTheirs() }
        let deadline = MonotonicTime.milliseconds + seconds * 1000
        let process = Process(pid)
        var input = input
        let end = input.withUTF8 { exchange(UnsafeRawBufferPointer($0), streams, process, stop, until: deadline) }
        let status = process.finish(kills: end != .done)
        switch end {
        case .done: break
        case .late: throw .timedOut(program: program, seconds: seconds)
        case .tooLarge: throw .tooLarge(program: program, limit: outputLimit)
        case .stopped: throw .stopped(program: program)
        }
        let signal = status & 0x7F
        return Result(
            status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: streams[0].text,
            errors: streams.first { $0.number == 2 }?.text ?? "")
    }

    /// One end of a standard stream, and what came out of it.
    private final class Stream {
        /// 0 for input, 1 for output, 2 for errors.
        let number: Int32
        let ours: Int32
        private(set) var theirs: Int32
        private var bytes: [UInt8] = []
        fileprivate(set) var isOpen = true

        init(_ program: String, number: Int32) throws(Failure) {
            self.number = number
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
        var count: Int { bytes.count }

        func receive() {
            // Nobody writes zeros into all of it: most programs say nothing.
            withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
                let count = recv(ours, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                if count > 0 {
                    bytes += buffer[..<count]
                } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                    isOpen = false
                }
            }
        }
    }

    private func spawn(_ streams: [Stream]) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for stream in streams { posix_spawn_file_actions_adddup2(&actions, stream.theirs, stream.number) }
        let words = Self.pointers([path] + arguments)
        let variables = environment.map(Self.pointers)
        defer { for word in words + (variables ?? []) { free(word) } }
        var pid: pid_t = 0
        let code = SpawnAttributes.withDefaultSignals { attributes in
            if let variables {
                posix_spawn(&pid, path, &actions, attributes, words, variables)
            } else {
                posix_spawn(&pid, path, &actions, attributes, words, environ)
            }
        }
        guard code == 0 else { throw .notStarted(program: program, code: code) }
        return pid
    }

    /// C strings and the null pointer that ends their list; the caller frees them.
    private static func pointers(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
        strings.map { strdup($0) } + [nil]
    }

    private enum End {
        case done, late, tooLarge, stopped
    }

    /// Writes the input and reads both outputs, all at once, so that neither side waits for the other for ever.
    ///
    /// - Returns: `done` if the program has closed its outputs and ended in time.
    private func exchange(
        _ input: UnsafeRawBufferPointer, _ streams: [Stream], _ process: Process, _ stop: Stop?, until deadline: Int
    ) -> End {
        var rest = input[...]
        while true {
            let saysMore = streams.contains { $0.isOpen && $0.number > 0 }
            if !saysMore, process.hasEnded { return .done }
            for stream in streams where stream.number == 0 && stream.isOpen && rest.isEmpty {
                shutdown(stream.ours, Int32(SHUT_WR))
                stream.isOpen = false
            }
            let open = streams.filter(\.isOpen)
            var polled = open.map { stream in
                pollfd(fd: stream.ours, events: Int16(stream.number == 0 ? POLLOUT : POLLIN), revents: 0)
            }
            // The kernel passes over a descriptor below 0. That it has ended matters once it says nothing more.
            polled.append(pollfd(fd: saysMore ? -1 : process.descriptor, events: Int16(POLLIN), revents: 0))
            polled.append(pollfd(fd: stop?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
            let left = deadline - MonotonicTime.milliseconds
            guard left > 0 else { return .late }
            // Without a descriptor one has to look.
            let longest = !saysMore && process.descriptor < 0 ? min(left, 10) : left
            guard poll(&polled, nfds_t(polled.count), Int32(clamping: longest)) > 0 else { continue }
            guard polled.last?.revents == 0 else { return .stopped }
            for (stream, entry) in zip(open, polled) where entry.revents != 0 {
                if stream.number == 0 {
                    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                    let part = UnsafeRawBufferPointer(rebasing: rest)
                    let count = send(stream.ours, part.baseAddress, part.count, flags)
                    if count >= 0 {
                        rest = rest.dropFirst(count)
                    } else if errno != EAGAIN, errno != EINTR {
                        // It has closed its input; its status will say why.
                        rest = input[input.endIndex...]
                    }
                } else {
                    stream.receive()
                    guard stream.count <= outputLimit else { return .tooLarge }
                }
            }
        }
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
