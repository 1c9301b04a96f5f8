import Base
import Testing

@testable import Manifests

/// `-R`: a folder with those below it.
@Suite("Manifests in folders below") struct RecursiveTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        for folder in ["top/a/b", "top/.hidden", "top/node_modules/x"] { try workspace.makeFolder(folder) }
        try workspace.write("top/one.yaml", service("one"))
        try workspace.write("top/a/b/two.yaml", service("two"))
        try workspace.write("top/.hidden/three.yaml", service("three"))
        try workspace.write("top/node_modules/x/four.yaml", service("four"))
    }

    private func tree() -> (ManifestStore, Picture) { workspace.tree("top") }
    private func names(_ picture: Picture) -> [String] { picture.names }

    @Test("They are read, but for hidden ones and node_modules") func read() {
        let (_, picture) = tree()
        #expect(names(picture) == ["one", "two"] && picture.problems.isEmpty)
    }

    @Test("Without -R they are not read") func notRead() async {
        #expect(names(await workspace.load("top")) == ["one"])
    }

    @Test("Folders that come and go are followed") func followed() throws {
        var (store, picture) = tree()
        try workspace.makeFolder("top/c/d")
        try workspace.write("top/c/d/five.yaml", service("five"))
        store.settle(&picture)
        #expect(names(picture) == ["five", "one", "two"])
        try workspace.remove("top/a")
        store.settle(&picture)
        #expect(names(picture) == ["five", "one"] && picture.problems.isEmpty)
        try workspace.write("top/c/six.yaml", service("six"))
        store.settle(&picture)
        #expect(names(picture) == ["five", "one", "six"])
    }

    @Test("When all of it vanishes, or another folder takes its place, what was there is kept") func kept() throws {
        try workspace.remove("top/one.yaml")
        var (store, picture) = tree()
        #expect(names(picture) == ["two"] && picture.problems.isEmpty, "none in the folder itself is no mistake")
        try workspace.move("top", to: "away")
        store.settle(&picture)
        #expect(names(picture) == ["two"] && picture.problems.count == 1)
        try workspace.makeFolder("top")
        store.settle(&picture)
        #expect(names(picture) == ["two"] && picture.problems.count == 1)
        try workspace.remove("top")
        try workspace.move("away", to: "top")
        store.settle(&picture)
        #expect(names(picture) == ["two"] && picture.problems.isEmpty)
    }

    @Test("A link to a folder is not followed, so none leads in circles") func links() throws {
        try workspace.link("top/a/loop", to: workspace.path("top"))
        let (_, picture) = tree()
        #expect(names(picture) == ["one", "two"])
    }

    @Test("An empty one is said to be so once, and a file is read as without -R") func others() async throws {
        try workspace.makeFolder("bare/x/y")
        let bare = await load([.tree(workspace.path("bare"))])
        #expect(
            bare.problems.count == 1 && bare.problems[0].description.contains("no *.yaml, *.yml or *.json files in it"))
        #expect(names(await load([.tree(workspace.path("top/one.yaml"))])) == ["one"])
        #expect(ManifestInput(argument: "-", isRecursive: true) == .standardInput)
        #expect(ManifestInput(argument: "x", isRecursive: true) == .tree("x"))
    }

    @Test("Of more folders than anybody has manifests in the first count, which is said")
    func limit() throws {
        for number in 0..<WatchedTree.mostFolders - 2 { try workspace.makeFolder("top/c/\(number)") }
        // With a, a/b and c one too many.
        var (store, picture) = tree()
        #expect(names(picture).contains("one"))
        #expect(picture.messages(workspace).count == 1)
        #expect(
            picture.messages(workspace).first?.hasPrefix(
                "top: has more than 4096 folders below it, of which the rest is left out") == true)
        try workspace.remove("top/c/17")
        store.settle(&picture)
        #expect(names(picture) == ["one", "two"] && picture.problems.isEmpty)
        try workspace.makeFolder("top/c/new")
        store.settle(&picture)
        #expect(picture.problems.count == 1)
    }

    @Test("Very many folders are looked at less often, as files are")
    func pace() async throws {
        for number in 0..<199 { try workspace.makeFolder("bare/\(number)") }
        let source = ManifestSource([.tree(workspace.path("bare"))], pollInterval: .milliseconds(1))
        _ = await source.next()
        #expect(await source.pause == .milliseconds(20), "a tenth of a millisecond for each")
    }
}
