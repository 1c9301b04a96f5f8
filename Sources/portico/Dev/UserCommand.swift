import Base
import Dispatch
import EventLoop
import Glibc
import Names

/// The program behind `portico dev -- COMMAND`: a child with this process's streams, folder and environment, and more
/// variables.
final class UserCommand: Sendable {
    /// It could not be started.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        /// What shells end with then: 127 if there is no such program, else 126.
        let status: Int32
    }

    let pid: pid_t
    /// The files that it sees in the place of the system's; nil for none.
    let covers: ForegroundProgram.Covers?
    private let waiter: LoopThread

    /// Starts the program that `arguments` name first, looked for on PATH.
    ///
    /// - Parameters:
    ///   - folder: where it is to be; nil for where this process is.
    ///   - covers: files for it to see in the place of others.
    ///   - ended: called once, on a thread of its own, when the program has ended; then ``reap()`` says how.
    /// - Throws: ``Failure``, or ``ForegroundProgram/Failure/notCovered(_:)``.
    init(
        _ arguments: [String], adding variables: [ServiceVariables.Variable], in folder: String? = nil,
        covers: [ForegroundProgram.Cover] = [], ended: @escaping @Sendable () -> Void
    ) throws {
        let environment =
            // Shells believe PWD where it names the folder that they are in, and nobody has one that is another's.
            Self.inherited(without: Set(variables.map(\.name) + (folder == nil ? [] : ["PWD"])))
            + variables.map { "\($0.name)=\($0.value)".utf8CString }
        // Before the program, since nobody would wait for one that runs already.
        let (begun, number) = (DispatchSemaphore(value: 0), Guarded<pid_t?>(nil))
        do throws(SystemError) {
            waiter = try LoopThread(name: "command") {
                begun.wait()
                guard let pid = number.withLock({ $0 }) else { return }
                // Looked at, not reaped: until it is, nobody else gets its number, and so signals always meet the right
                // one.
                var information = siginfo_t()
                while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
                ended()
            }
        } catch {
            throw CommandFailure("the program cannot be waited for: \(error)")
        }
        defer { begun.signal() }
        let program = try Self.start(arguments, environment, folder, covers)
        (pid, self.covers) = (program.pid, program.covers)
        number.withLock { $0 = program.pid }
    }

    private static func start(
        _ arguments: [String], _ environment: [ContiguousArray<CChar>], _ folder: String?,
        _ covers: [ForegroundProgram.Cover]
    ) throws -> ForegroundProgram {
        do throws(ForegroundProgram.Failure) {
            return try ForegroundProgram(arguments, environment: environment, folder: folder, covers: covers)
        } catch {
            switch error {
            case .notCovered: throw error
            case .notStarted(let code): throw CommandFailure("cannot start a program: \(SystemError.reason(code))")
            case .notEntered(let error): throw CommandFailure("the program cannot be run there: \(error)")
            case .notRun(let code):
                throw Failure(
                    description: "cannot run '\(arguments.first ?? "")': \(SystemError.reason(code))",
                    status: code == ENOENT ? 127 : 126)
            }
        }
    }

    /// Passes a signal on that was sent to this process. Not after ``reap()``.
    func pass(on signal: Int32) {
        // Ctrl-C goes to all that a terminal runs in its foreground, and the command is one of them. Programs take a
        // second one for impatience.
        if signal == SIGINT, Self.isInForeground { return }
        kill(pid, signal)
    }

    /// The exit status of the program, or 128 plus the signal that ended it. Waits for its end.
    func reap() -> Int32 {
        waiter.join()
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Self.exitStatus(status)
    }

    /// What `waitpid` tells, as a shell would say it.
    static func exitStatus(_ status: Int32) -> Int32 {
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// Whether this process belongs to what its terminal runs in the foreground.
    static var isInForeground: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return tcgetpgrp(terminal) == getpgrp()
    }

    /// This process's environment as it is, which need not be UTF-8.
    static func inherited(without names: Set<String>) -> [ContiguousArray<CChar>] {
        var entries: [ContiguousArray<CChar>] = []
        var next = environ
        while let entry = next.pointee {
            let bytes = ContiguousArray(UnsafeBufferPointer(start: entry, count: strlen(entry) + 1))
            let name = bytes.prefix { $0 != CChar(UInt8(ascii: "=")) }.map { UInt8(bitPattern: $0) }
            if !names.contains(String(decoding: name, as: UTF8.self)) { entries.append(bytes) }
            next += 1
        }
        return entries
    }
}
