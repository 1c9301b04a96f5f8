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
}
