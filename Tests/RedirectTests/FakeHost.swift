import Base
import Redirect
import TestSupport

/// A folder with programs that stand in for iptables: scripts that note how they were called and answer as told.
struct FakeHost {
    let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try answer(
            "iptables-restore",
            "case \"$1\" in --version) echo 'iptables-restore v1.8.9 (nf_tables)';; *) \(Self.note);; esac")
        try answer("iptables-save", Self.note + "; cat $HOME_OF_FAKES/saved 2> /dev/null || true")
    }

    private static let note = #"{ echo "$0 $*" | sed 's,^.*/,,'; cat; } >> $HOME_OF_FAKES/log"#

    /// Makes a program of this body; programs find the folder in HOME_OF_FAKES.
    func answer(_ program: String, _ body: String) throws {
        try folder.write("#!/bin/sh\nHOME_OF_FAKES=\(folder.path)\n\(body)\n", to: program)
        try makeExecutable(folder.file(program))
    }

    /// Only this folder, so that no real firewall is touched, and the folders of `sh` and `sed` for nobody but the scripts.
    var iptables: Iptables { Iptables(variant: nil, searchPath: [folder.path]) }

    /// How programs were called and what they read, since the last time.
    func log() throws -> String {
        defer { folder.remove("log") }
        return (try? read(folder.file("log"))) ?? ""
    }

    func save(_ text: String) throws { try folder.write(text, to: "saved") }
}
