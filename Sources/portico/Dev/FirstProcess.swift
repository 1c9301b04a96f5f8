import Base
import EventLoop
import Glibc

/// The first process of a container where a program of others is run (`portico dev -- COMMAND`): whatever that program
/// leaves behind becomes its child, and stays in the kernel's table until somebody waits for it.
///
/// So that the end of a stranger is never taken for that of one of Portico's own children, nor the other way round, it
/// does nothing but wait: Portico goes on in a child of it.
enum FirstProcess {
    /// What others may send it. Those that end a process in any case, and those that a terminal sends to all that it
    /// runs in its foreground, need no help.
    private static let passed = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]

    /// Where this process is the first, runs the program of this process again, as a child with the same arguments,
    /// until that has ended.
    ///
    /// - Returns: how it has ended, as a shell would say it; nil if this process is not the first, or the program
    ///   cannot be run again, and it is to go on by itself.
    static func runAgain(_ arguments: [String] = CommandLine.arguments) async -> Int32? {
        guard getpid() == 1, let stream = try? SignalStream(passed + [SIGCHLD]) else { return nil }
        guard let child = start(arguments) else {
            stream.close()
            return nil
        }
        for await signal in stream.signals {
            if signal == SIGCHLD {
                if let status = reapAll(until: child) { return status }
            } else if ![SIGINT, SIGQUIT].contains(signal) || !UserCommand.isInForeground {
                kill(child, signal)
            }
        }
        return nil
    }

    private static func start(_ arguments: [String]) -> pid_t? {
        // By its own path, so that lists of processes have its name.
        guard let path = ProcessImage.path else { return nil }
        let words = [path] + arguments.dropFirst()
        return try? ForegroundProgram(words, environment: UserCommand.inherited(without: [])).pid
    }

    /// - Returns: how `child` has ended, if it has; what else there is ends with this process.
    private static func reapAll(until child: pid_t) -> Int32? {
        var status: Int32 = 0
        while case let ended = waitpid(-1, &status, WNOHANG), ended > 0 || (ended < 0 && errno == EINTR) {
            if ended == child { return UserCommand.exitStatus(status) }
        }
        return nil
    }
}
