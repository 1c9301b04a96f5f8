import Foundation
import Glibc
import TestSupport
import Testing

@testable import portico

/// The files of `--env-file` and `--hosts-file`, which others read at any time.
@Suite("Files that are published") struct PublishedFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory(readableByAll: true) }

    private func text(_ name: String) -> String? { try? String(contentsOfFile: folder.file(name), encoding: .utf8) }

    private func status(_ name: String) throws -> stat {
        var status = stat()
        try #require(lstat(folder.file(name), &status) == 0)
        return status
    }

    /// Without the drafts of files.
    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test(
        "Whatever it is called, it is replaced and nothing is left beside it",
        arguments: [
            "plain", "with blanks", "-n", "ümläut ☃", "a'b\"c$d`e\\f", "line\nbreak", ".hidden", "%s%n", "*",
            String(repeating: "x", count: 240),
        ])
    func names(_ name: String) throws {
        let file = try PublishedFile("--env-file", folder.file(name))
        for text in ["A=1\n", "A=2\n"] {
            try file.write(text)
            #expect(self.text(name) == text)
        }
        #expect(try names() == [name])
    }

    @Test("Who may read it stays so, through a link too", arguments: [false, true], [0o600, 0o640, 0o666] as [mode_t])
    func mode(isLinked: Bool, mode: mode_t) throws {
        try folder.write("SECRET=1\n", to: "real/env")
        try #require(chmod(folder.file("real/env"), mode) == 0)
        if isLinked { try #require(symlink("real/env", folder.file("link")) == 0) }
        let file = try PublishedFile("--env-file", folder.file(isLinked ? "link" : "real/env"))
        for text in ["A=1\n", "A=2\n"] {
            try file.write(text)
            #expect(self.text("real/env") == text)
            #expect(try status("real/env").st_mode & 0o7777 == mode)
        }
        if isLinked { #expect(try status("link").st_mode & S_IFMT == S_IFLNK) }
    }

    @Test("Whose it was, it stays, also where root replaces it", .requires(.root))
    func owner() throws {
        try folder.write("", to: "env")
        try #require(chmod(folder.file("env"), 0o600) == 0)
        try #require(chown(folder.file("env"), OrdinaryUser.id, OrdinaryUser.id) == 0)
        try PublishedFile("--env-file", folder.file("env")).write("A=1\n")
        let status = try status("env")
        #expect(status.st_uid == OrdinaryUser.id && status.st_gid == OrdinaryUser.id && status.st_mode & 0o777 == 0o600)
    }

    @Test("A link to a file that is not there yet stays one")
    func dangling() throws {
        try #require(symlink("later", folder.file("link")) == 0)
        try PublishedFile("--env-file", folder.file("link")).write("A=1\n")
        #expect(text("later") == "A=1\n")
        #expect(try status("link").st_mode & S_IFMT == S_IFLNK)
        try #require(symlink("no/such/folder", folder.file("lost")) == 0)
        let failure = #expect(throws: CommandFailure.self) { try PublishedFile("--env-file", folder.file("lost")) }
        #expect(failure?.description.hasSuffix("cannot be written: No such file or directory") == true)
    }

    @Test("What a link leads to and may not be written to is not replaced through it", .requires(.ordinaryUser))
    func linked() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryDirectory(readableByAll: true)
            try folder.write("OLD=1\n", to: "env")
            try #require(symlink("env", folder.file("link")) == 0 && chmod(folder.file("env"), 0o444) == 0)
            chmod(folder.path, 0o777)
            try OrdinaryUser.become()
            let failure = #expect(throws: CommandFailure.self) { try PublishedFile("--env-file", folder.file("link")) }
            #expect(failure?.description.hasSuffix("cannot be written: Permission denied") == true)
            #expect(try String(contentsOfFile: folder.file("env"), encoding: .utf8) == "OLD=1\n")
        }
    }

    @Test("Another user's stays that, and of its group, for an ordinary user too", .requires(.root, .ordinaryUser))
    func othersFiles() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryDirectory(readableByAll: true)
            chmod(folder.path, 0o777)
            let owners: [(name: String, user: uid_t, group: gid_t, mode: mode_t)] = [
                ("root", 0, 0, 0o666), ("group", OrdinaryUser.id, 7, 0o640),
                ("own", OrdinaryUser.id, OrdinaryUser.id, 0o600),
            ]
            for (name, user, group, mode) in owners {
                try folder.write("SECRET=1 and more than what follows\n", to: name)
                try #require(chown(folder.file(name), user, group) == 0 && chmod(folder.file(name), mode) == 0)
            }
            try OrdinaryUser.become()
            for (name, user, group, mode) in owners {
                let file = try PublishedFile("--env-file", folder.file(name))
                for text in ["A=1\n", "B=2\n"] {
                    try file.write(text)
                    var status = stat()
                    #expect(stat(folder.file(name), &status) == 0)
                    #expect(status.st_uid == user && status.st_gid == group && status.st_mode & 0o777 == mode)
                    #expect(try String(contentsOfFile: folder.file(name), encoding: .utf8) == text)
                }
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["group", "own", "root"])
        }
    }

    @Test("A file that is mounted, as into a container, is written to", .requires(.root, .mountNamespaces))
    func mounted() async throws {
        try folder.write("OLD=1 and more than what follows\n", to: "outside")
        try folder.write("", to: "env")
        let script = "mount --bind \(folder.file("outside")) \(folder.file("env")) && exec \"$@\""
        let result = try await DevProcess(
            ["--service", "web:80=127.0.0.1:9", "--env-file", folder.file("env"), "--", "true"],
            launcher: ["unshare", "--mount", "sh", "-c", script, "sh"]
        ).finished()
        #expect(result.status == 0, "\(result.errors)")
        #expect(text("outside")?.hasPrefix("WEB_PORT") == true || text("outside")?.hasPrefix("WEB_SERVICE") == true)
        #expect(text("env") == "")
        #expect(try names() == ["env", "outside"])
    }

    @Test("What is there and is no file is refused", arguments: ["folder", "pipe"])
    func noFile(kind: String) throws {
        let path = folder.file("x")
        try #require((kind == "folder" ? mkdir(path, 0o755) : mkfifo(path, 0o600)) == 0)
        let failure = #expect(throws: CommandFailure.self) { try PublishedFile("--env-file", path) }
        #expect(failure?.description == "--env-file \(path): it exists and is not a file")
    }

    @Test("A folder that may not be written to is said, and the file left as it was", .requires(.ordinaryUser))
    func forbidden() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryDirectory(readableByAll: true)
            try folder.write("OLD=1\n", to: "env")
            try #require(chmod(folder.file("env"), 0o666) == 0 && chmod(folder.path, 0o555) == 0)
            try OrdinaryUser.become()
            let failure = #expect(throws: CommandFailure.self) {
                try PublishedFile("--env-file", folder.file("env")).write("A=1\n")
            }
            // Who tests as an ordinary user owns the folder, and may not write to it either.
            #expect(failure?.description == "--env-file \(folder.file("env")): cannot be written: Permission denied")
            #expect(try String(contentsOfFile: folder.file("env"), encoding: .utf8) == "OLD=1\n")
            chmod(folder.path, 0o755)
        }
    }

    @Test("Where there is no room, the file is left as it was, and written once there is some")
    func full() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryDirectory()
            try folder.write("OLD=1\n", to: "env")
            let file = try PublishedFile("--env-file", folder.file("env"))
            // Files may have no bytes at all.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 0, rlim_max: rlim_t.max)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let failure = #expect(throws: CommandFailure.self) { try file.write("A=1\n") }
            limit.rlim_cur = rlim_t.max
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            #expect(failure?.description.contains("cannot be written: File too large") == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["env"])
            #expect(try String(contentsOfFile: folder.file("env"), encoding: .utf8) == "OLD=1\n")
            try file.write("A=1\n")
            #expect(try String(contentsOfFile: folder.file("env"), encoding: .utf8) == "A=1\n")
        }
    }
}
