import Base
import Glibc
import TestSupport
import Testing

/// In a process of its own each, since signals are the whole process's.
@Suite("Signals of programs that this process starts") struct SpawnAttributesTests {
    /// Signals that a program which is started now ignores or blocks, of those that /proc names.
    private static func inherited(_ field: String) throws -> UInt64 {
        let result = try Command(path: "/bin/sh", arguments: ["-c", "cat /proc/self/status"]).run()
        let line = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("\(field):") })
        return try #require(UInt64(line.split(separator: "\t")[1], radix: 16))
    }

    private static func bit(_ signal: Int32) -> UInt64 { 1 << UInt64(signal - 1) }

    @Test("They get those back that this process ignores, and are not deaf to what a thread here blocks")
    func givenBack() async {
        await #expect(processExitsWith: .success) {
            IgnoredSignals.ignore([SIGHUP, SIGUSR1])
            IgnoredSignals.ignoreBrokenPipes()
            var blocked = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGTERM)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            let (ignored, deaf) = (try Self.inherited("SigIgn"), try Self.inherited("SigBlk"))
            #expect(ignored & (Self.bit(SIGHUP) | Self.bit(SIGUSR1) | Self.bit(SIGPIPE)) == 0)
            #expect(deaf & Self.bit(SIGTERM) == 0)
            #expect(kill(getpid(), SIGHUP) == 0, "and this process lives on")
            #expect(IgnoredSignals.contains(SIGHUP) && !IgnoredSignals.contains(SIGUSR2))
        }
    }

    @Test("What was ignored from the start, as by nohup, stays so for them")
    func nohup() async {
        await #expect(processExitsWith: .success) {
            signal(SIGHUP, SIG_IGN)
            IgnoredSignals.ignore([SIGHUP])
            let ignored = try Self.inherited("SigIgn")
            #expect(ignored & Self.bit(SIGHUP) != 0)
            #expect(!IgnoredSignals.contains(SIGHUP))
        }
    }

    @Test("Programs end with their status also where a parent has left this process ignoring SIGCHLD")
    func childrenHeeded() async {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            let lost = try Command(path: "/bin/sh", arguments: ["-c", "exit 3"]).run(seconds: 20)
            #expect(lost.status == 255, "that it has ended is all that can be known, and is seen at once")
            IgnoredSignals.heedChildren()
            #expect(try Command(path: "/bin/sh", arguments: ["-c", "exit 3"]).run().status == 3)
        }
    }

    @Test(
        "A process that cannot start anew goes on with its signals as they were, however many descriptors it may have")
    func restartFails() async {
        await #expect(processExitsWith: .success) {
            IgnoredSignals.ignore([SIGUSR1])
            var blocked = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGTERM)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            // Longer than the kernel takes in one argument.
            let error = ProcessImage.restart([String(repeating: "x", count: 1 << 18)])
            #expect(error.code == E2BIG)
            #expect(kill(getpid(), SIGUSR1) == 0)
            var present = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &present)
            #expect(sigismember(&present, SIGTERM) == 1)
        }
    }

    @Test("An early signal ends a process with the status that was chosen, but for those ignored from the start")
    func early() async {
        await #expect(processExitsWith: .exitCode(0)) {
            EarlySignals.take(.success)
            kill(getpid(), SIGTERM)
            pause()
        }
        await #expect(processExitsWith: .exitCode(128 + SIGINT)) {
            signal(SIGTERM, SIG_IGN)
            EarlySignals.take(.signalNumber)
            kill(getpid(), SIGTERM)
            kill(getpid(), SIGINT)
            pause()
        }
    }
}
