import CBench
import Glibc

/// A program this run started: ended with everything it started itself.
final class Child {
    let pid: Int32
    private let input: Int32
    private let output: Int32
    private var pending: [UInt8] = []
    private var ended = false

    /// Starts a program. With `talk` its standard input and output are ours, otherwise output goes to `log`.
    init(_ arguments: [String], log: String, talk: Bool = false, cpu: Int = -1, keepDescriptors: Bool = false) throws {
        let logFile = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard logFile >= 0, null >= 0 else { throw BenchFailure("\(log): \(String(cString: strerror(errno)))") }
        var toChild: [Int32] = [null, -1]
        var fromChild: [Int32] = [-1, logFile]
        if talk {
            guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw BenchFailure("no pipe") }
            for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        pid = bench_spawn(
            arguments[0], argv, toChild[0], fromChild[1], logFile, Int32(cpu), keepDescriptors ? 1 : 0)
        input = toChild[1]
        output = fromChild[0]
        close(logFile)
        close(null)
        if talk {
            close(toChild[0])
            close(fromChild[1])
        }
        guard pid > 0 else { throw BenchFailure("\(arguments[0]): \(String(cString: strerror(-pid)))") }
    }

    deinit { end() }

    /// The next line of output, or nil at the end or after `timeout` seconds.
    func line(timeout: Double) -> String? {
        let deadline = Clock.seconds + timeout
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending.removeSubrange(...end) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            let left = deadline - Clock.seconds
            guard left > 0 else { return nil }
            var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, Int32(left * 1000) + 1) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &chunk, chunk.count)
            guard count > 0 else { return nil }
            pending.append(contentsOf: chunk[..<count])
        }
    }

    func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(input, bytes, bytes.count)
    }

    /// False once the program has ended by itself.
    var isRunning: Bool {
        var information = siginfo_t()
        let result = waitid(P_PID, id_t(pid), &information, Int32(WEXITED | WNOHANG | WNOWAIT))
        return result == 0 && information.si_signo == 0
    }

    func end() {
        guard !ended, pid > 0 else { return }
        ended = true
        bench_end(pid)
        if input >= 0 { close(input) }
        if output >= 0 { close(output) }
    }
}

enum Clock {
    /// Seconds of a clock that never jumps.
    static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static func sleep(_ seconds: Double) { usleep(UInt32(seconds * 1e6)) }
}

/// What a program prints, standard error included; empty if it can't be run or takes too long.
func capture(_ arguments: [String], in folder: String) -> String {
    let log = folder + "/capture"
    unlink(log)
    guard let child = try? Child(arguments, log: log) else { return "" }
    let deadline = Clock.seconds + 5
    while child.isRunning && Clock.seconds < deadline { Clock.sleep(0.002) }
    child.end()
    return contents(of: log) ?? ""
}
