internal import Glibc

/// How a program that a test ran has ended.
public struct ProgramResult: Sendable {
    /// The exit status, or 128 plus the signal that ended it.
    public let status: Int32
    public let output: String
    public let errors: String
}

/// The path of a program on PATH or in the usual folders of administration.
public func findProgram(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"])
        .map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
}

/// The path of the program this test runs in, to run itself again; on Linux that is the test bundle itself.
public func currentExecutable() throws -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let length = bytes.withUnsafeMutableBytes { buffer -> Int in
        guard let base = buffer.baseAddress else { return -1 }
        return readlink("/proc/self/exe", base, buffer.count)
    }
    guard length > 0 else { throw PeerError.last("readlink /proc/self/exe") }
    return String(decoding: bytes.prefix(length), as: UTF8.self)
}

/// The path of `portico`: the build puts it beside the bundle of the tests.
public func builtProgram() throws -> String {
    try currentExecutable().split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/portico"
}

/// A program started by a test, with its standard streams in pipes; killed when the object goes.
public final class ChildProcess: Sendable {
    public let pid: Int32
    private let stdin: PeerPipe
    private let stdout: OutputCollector
    private let stderr: OutputCollector
    private let ended = Completion<Int32>()
    private let exited = Locked(false)

    /// - Parameter environment: added to this process's own; an empty value removes a variable.
    public init(_ executable: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let (input, output, errors) = (try PeerPipe(), try PeerPipe(), try PeerPipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The ends themselves are close-on-exec, so the child has exactly these three.
        posix_spawn_file_actions_adddup2(&actions, input.readEnd, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writeEnd, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.writeEnd, 2)

        // A test runs on a thread that blocks most signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var child: pid_t = 0
        let status = withCStrings([executable] + arguments) { arguments in
            withCStrings(mergedEnvironment(environment)) { environment in
                spawnLock.withLock { _ in
                    posix_spawn(&child, executable, &actions, &attributes, arguments, environment)
                }
            }
        }
        guard status == 0 else { throw PeerError.system("posix_spawn \(executable)", errno: status) }
        pid = child
        input.closeReadEnd()
        output.closeWriteEnd()
        errors.closeWriteEnd()
        stdin = input
        stdout = try OutputCollector(output)
        stderr = try OutputCollector(errors)

        // Reaped on a thread of its own, so that waiting for it blocks no test.
        let (ended, exited, pid) = (ended, exited, child)
        try spawnThread {
            // Seen before it is reaped, so that nobody signals a number that already belongs to someone else.
            var info = siginfo_t()
            while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            exited.withLock { $0 = true }
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            ended.finish(signal == 0 ? (status >> 8) & 0xFF : 128 + signal)
        }
    }

    deinit { signal(SIGKILL) }

    /// What it has written so far.
    public var output: String { stdout.text }
    public var errors: String { stderr.text }

    /// Whether it has ended.
    public var hasExited: Bool { exited.withLock { $0 } }

    public func signal(_ number: Int32) {
        exited.withLock { if !$0 { kill(pid, number) } }
    }

    /// Writes to its standard input. Ignore SIGPIPE before writing to a child that may be gone.
    public func write(_ text: String) throws { try stdin.write(text) }

    public func closeInput() { stdin.closeWriteEnd() }

    /// Waits for its end; kills it and throws when that takes longer than `limit`.
    public func finished(within limit: Duration = .seconds(60)) async throws -> ProgramResult {
        guard await eventually(within: limit, { exited.withLock { $0 } }) else {
            signal(SIGKILL)
            throw PeerError.timedOut("process \(pid); it wrote: \(output) \(errors)")
        }
        let status = await ended.value
        // A grandchild may still hold the pipes; what it has to say is not waited for beyond a moment.
        _ = await eventually(within: .seconds(5)) { stdout.isComplete && stderr.isComplete }
        return ProgramResult(status: status, output: output, errors: errors)
    }
}

/// Runs a program to its end with nothing on its standard input, blocking the calling thread: for conditions of tests.
/// A test itself uses ``ChildProcess``.
func runProgram(_ executable: String, _ arguments: [String], within limit: Duration) throws -> ProgramResult {
    let child = try ChildProcess(executable, arguments)
    child.closeInput()
    let deadline = Deadline.within(limit)
    let result = Locked<ProgramResult?>(nil)
    let done = Cue()
    Task.detached {
        let value = try? await child.finished(within: limit)
        result.withLock { $0 = value }
        done.give()
    }
    try waitReadable(done.readEnd, events: POLLIN, executable, stop: Cue(), until: deadline)
    guard let value = result.withLock({ $0 }) else { throw PeerError.timedOut(executable) }
    return value
}
