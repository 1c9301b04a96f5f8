import Base
import Glibc
import TestSupport
import Testing

@testable import Manifests

/// `-R` where somebody takes the rights to a folder away. Root may read everything, so each of these has a process of its own.
@Suite("Folders below that cannot be read", .timeLimit(.minutes(1)), .requires(.ordinaryUser))
struct UnreadableFolderTests {
    @Test("What is below one stays in use, which is said with its name, until it can be read again")
    func unreadable() async {
        await #expect(processExitsWith: .success) {
            let workspace = try Workspace.ofOrdinaryUser(["top/a/b/c"])
            try workspace.write("top/one.yaml", service("one"))
            try workspace.write("top/a/b/c/two.yaml", service("two"))
            var (store, picture) = workspace.tree("top")
            #expect(picture.names == ["one", "two"] && picture.problems.isEmpty)

            // Nobody may list it, look into it, or either.
            for rights: mode_t in [0o333, 0o444, 0] {
                try #require(chmod(workspace.path("top/a"), rights) == 0)
                store.settle(&picture)
                #expect(picture.names == ["one", "two"], "\(rights)")
                #expect(
                    picture.messages(workspace).contains {
                        $0.hasPrefix("top/a: ") && $0.contains("Permission denied")
                    },
                    "\(picture.problems)")
                #expect(picture.hasErrors && picture.isPartial)

                try #require(chmod(workspace.path("top/a"), 0o755) == 0)
                store.settle(&picture)
                #expect(picture.names == ["one", "two"] && picture.problems.isEmpty, "\(picture.problems)")
            }
            try workspace.remove("top/a")
            store.settle(&picture)
            #expect(picture.names == ["one"] && picture.problems.isEmpty)
        }
    }

    @Test("One that cannot be read from the start is told with its name")
    func fromTheStart() async {
        await #expect(processExitsWith: .success) {
            let workspace = try Workspace.ofOrdinaryUser(["top/a"])
            try workspace.write("top/one.yaml", service("one"))
            try workspace.write("top/a/two.yaml", service("two"))
            try #require(chmod(workspace.path("top/a"), 0) == 0)
            var (store, picture) = workspace.tree("top")
            #expect(picture.names == ["one"])
            #expect(picture.messages(workspace) == ["top/a: cannot be listed: Permission denied"])
            try #require(chmod(workspace.path("top/a"), 0o755) == 0)
            store.settle(&picture)
            #expect(picture.names == ["one", "two"] && picture.problems.isEmpty)
        }
    }

    @Test("A folder that is named itself keeps what it had when nobody may look behind the one that it is in")
    func parent() async {
        await #expect(processExitsWith: .success) {
            let workspace = try Workspace.ofOrdinaryUser(["p/m"])
            try workspace.write("p/m/one.yaml", service("one"))
            var (store, picture) = workspace.store("p/m")
            try #require(chmod(workspace.path("p"), 0) == 0)
            store.settle(&picture)
            #expect(picture.names == ["one"])
            #expect(
                picture.messages(workspace) == [
                    "p/m: cannot be looked into: Permission denied; its last good state stays in use"
                ])
            try #require(chmod(workspace.path("p"), 0o755) == 0)
            store.settle(&picture)
            #expect(picture.names == ["one"] && picture.problems.isEmpty)
        }
    }
}

extension Workspace {
    /// A folder with others in it, after which this process is that user's.
    fileprivate static func ofOrdinaryUser(_ folders: [String]) throws -> Workspace {
        let workspace = try Workspace()
        try #require(chown(workspace.path, OrdinaryUser.id, OrdinaryUser.id) == 0 || geteuid() != 0)
        try OrdinaryUser.become()
        for folder in folders { try workspace.makeFolder(folder) }
        return workspace
    }
}
