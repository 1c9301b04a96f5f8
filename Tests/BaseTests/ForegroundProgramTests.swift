import Base
import Glibc
import TestSupport
import Testing

/// Programs that see other files than this process does.
@Suite("Programs with files of their own", .timeLimit(.minutes(2))) struct ForegroundProgramTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory(readableByAll: true) }

    private var environment: [ContiguousArray<CChar>] {
        ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "FOLDER=\(folder.path)"].map(\.utf8CString)
    }

    private func wait(for program: ForegroundProgram) -> Int32 {
        var status: Int32 = 0
        while waitpid(program.pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    /// The status of a shell with `script`; without covers the script's failure is the test's.
    private func shell(_ script: String, _ covers: [ForegroundProgram.Cover] = []) throws -> Int32 {
        wait(for: try ForegroundProgram(["sh", "-c", script], environment: environment, covers: covers))
    }

    private func cover(_ text: String) throws -> ForegroundProgram.Cover {
        .init(file: try folder.write(text, to: "other"), place: try folder.write("own", to: "place"))
    }

    @Test("It is looked for on PATH, gets its environment, and its status is its own")
    func started() throws {
        #expect(try shell("test \"$FOLDER\" = '\(folder.path)'; exit $(( $? + 7 ))") == 7)
        #expect(try shell("kill -TERM $$") == 143)
    }

    @Test("One that is not there, or is none, is told by its errno")
    func notRun() async {
        await #expect(processExitsWith: .success) { try Self.expectNotRun(withCover: false) }
    }

    @Test("That is so with files of its own too", .requires(.mountNamespaces))
    func notRunCovered() async {
        await #expect(processExitsWith: .success) { try Self.expectNotRun(withCover: true) }
    }

    /// In a process of its own, whose children are these alone.
    private static func expectNotRun(withCover: Bool) throws {
        let tests = try ForegroundProgramTests()
        let covers = withCover ? [try tests.cover("x")] : []
        for (program, code) in [("no-such-program", ENOENT), ("/", EACCES)] {
            #expect(throws: ForegroundProgram.Failure.notRun(code)) {
                try ForegroundProgram([program], environment: tests.environment, covers: covers)
            }
        }
        var status: Int32 = 0
        #expect(waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD, "nothing is left behind")
    }

    @Test("Only it and what it starts see the other file", .requires(.mountNamespaces))
    func covered() throws {
        let cover = try cover("other")
        #expect(
            try shell("test $(cat $FOLDER/place) = other && sh -c 'test $(cat $FOLDER/place) = other'", [cover]) == 0)
        #expect(try shell("test $(cat $FOLDER/place) = own") == 0)
    }

    @Test("A file that is not there cannot be seen, and nothing is started", .requires(.mountNamespaces))
    func notCovered() throws {
        let cover = ForegroundProgram.Cover(file: folder.file("missing"), place: try cover("x").place)
        let error = #expect(throws: ForegroundProgram.Failure.self) { try shell("touch $FOLDER/started", [cover]) }
        guard case .notCovered(let reason) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(reason.code == ENOENT && reason.subject == cover.place)
        #expect(access(folder.file("started"), F_OK) != 0)
    }

    @Test("Everything else is as it was: folder, process group, signals", .requires(.mountNamespaces))
    func unchanged() throws {
        let script = """
            test $(pwd -P) = $(readlink /proc/\(getpid())/cwd) || exit 1
            test $(cut -d' ' -f5 /proc/self/stat) = \(getpgrp()) || exit 2
            grep -q 'SigBlk:.0000000000000000' /proc/self/status || exit 3
            """
        #expect(try shell(script, [cover("x")]) == 0)
    }

    /// The reader's tool reads a file in pieces. Where the old one has to be taken away first, the system's own may be seen.
    @Test(
        "Whoever reads while the file is replaced sees the one or the other, whole, and nothing piles up",
        .requires(.mountNamespaces), arguments: [false, true])
    func replaced(takesAway: Bool) async throws {
        let lines = 20_000
        func write(_ version: Int) throws -> String {
            let text = String(repeating: "version-\(version)\n", count: lines)
            return try folder.write(text, to: "version-\(version)")
        }
        let place = try folder.write(String(repeating: "own\n", count: lines), to: "place")
        let script = """
            touch $FOLDER/runs
            until [ -e $FOLDER/last ]; do
                awk 'NR == 1 { first = $0 } $0 != first { exit 1 } END { if (NR != \(lines)) exit 1 }' $FOLDER/place || exit 1
            done
            grep -q version-40 $FOLDER/place || exit 2
            test $(grep -c "$FOLDER/place" /proc/self/mountinfo) -eq 1 || exit 3
            """
        let program = try ForegroundProgram(
            ["sh", "-c", script], environment: environment, covers: [.init(file: try write(0), place: place)])
        #expect(await eventually(within: .seconds(30)) { access(folder.file("runs"), F_OK) == 0 })
        let covers = try #require(program.covers)
        covers.takesAwayFirst.withLock { $0 = takesAway }
        for version in 1...40 {
            let file = try write(version)
            try covers.replace(.init(file: file, place: place))
            // What is mounted needs no name.
            unlink(file)
        }
        try folder.write("", to: "last")
        #expect(wait(for: program) == 0)
        let file = try write(41)
        try covers.replace(.init(file: file, place: place))
        #expect(access(place, F_OK) == 0, "what it may have started sees it even after its end")
    }

    @Test("An ordinary user is who they were, and is nobody else", .requires(.userNamespaces, .ordinaryUser))
    func ordinaryUser() async {
        await #expect(processExitsWith: .success) {
            try OrdinaryUser.become()
            let folder = try TemporaryDirectory(in: "/tmp")
            let cover = ForegroundProgram.Cover(
                file: try folder.write("other", to: "other"), place: try folder.write("own", to: "place"))
            let script = """
                test $(id -u) = \(getuid()) && test $(id -g) = \(getgid()) || exit 1
                test $(cat \(cover.place)) = other || exit 2
                grep -q 'CapEff:.0000000000000000' /proc/self/status || exit 3
                echo mine > \(folder.path)/written || exit 4
                """
            let program = try ForegroundProgram(
                ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin".utf8CString], covers: [cover])
            var status: Int32 = 0
            waitpid(program.pid, &status, 0)
            #expect(status == 0)
            var written = stat()
            #expect(stat(folder.file("written"), &written) == 0 && written.st_uid == getuid())
        }
    }
}
