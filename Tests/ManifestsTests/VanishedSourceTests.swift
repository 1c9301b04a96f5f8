import Base
import Foundation
import Testing

@testable import Manifests

/// A source that vanishes says nothing about its objects: what it said last stays, until it is there again.
@Suite("Sources that vanish", .timeLimit(.minutes(1))) struct VanishedSourceTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        try workspace.makeFolder("m")
        try workspace.write("m/a.yaml", service("a", port: 1))
        try workspace.write("m/b.yaml", service("b", port: 1))
    }

    /// Loads the folder, has `change` happen to it, and looks until there is nothing new.
    private func look(_ path: String = "m", after change: () throws -> Void) throws -> (Picture, () -> Picture) {
        var (store, picture) = workspace.store(path)
        func settle() -> Picture {
            store.settle(&picture)
            return picture
        }
        try change()
        return (settle(), settle)
    }

    private func hold(_ message: String, _ change: () throws -> Void) throws {
        let (result, _) = try look(after: change)
        #expect(result.services == ["a:1", "b:1"])
        #expect(result.messages(workspace) == [message + "; its last good state stays in use"])
        #expect(result.hasErrors && result.isPartial)
    }

    @Test("The folder is removed; one that comes back is a source again")
    func removed() throws {
        let (gone, settle) = try look { try FileManager.default.removeItem(atPath: workspace.path("m")) }
        #expect(gone.services == ["a:1", "b:1"])
        #expect(gone.messages(workspace) == ["m: no such file or folder; its last good state stays in use"])
        try workspace.makeFolder("m")
        try workspace.write("m/a.yaml", service("a", port: 2))
        let back = settle()
        #expect(back.services == ["a:2"] && back.problems.isEmpty)
    }

    @Test("Another folder is in its place, and empty: a volume that is no longer mounted looks so")
    func replacedByAnEmptyOne() throws {
        try hold("m: is another folder now, without any manifest") {
            try FileManager.default.moveItem(atPath: workspace.path("m"), toPath: workspace.path("old"))
            try workspace.makeFolder("m")
        }
    }

    @Test("A link that leads nowhere is in its place")
    func danglingFolder() throws {
        try hold("m: is a link that leads nowhere") {
            try FileManager.default.removeItem(atPath: workspace.path("m"))
            try workspace.link("m", to: "nowhere")
        }
    }

    @Test("A file of it is emptied, leads nowhere, or is a folder now")
    func files() throws {
        try hold("m/a.yaml: is empty") { try workspace.write("m/a.yaml", "") }
        try workspace.write("m/a.yaml", service("a", port: 1))
        try hold("m/a.yaml: is a link that leads nowhere") {
            try workspace.link("m/a.yaml", to: "nowhere")
        }
        try workspace.remove("m/a.yaml")
        try workspace.write("m/a.yaml", service("a", port: 1))
        try hold("m/a.yaml: cannot be read: Is a directory") {
            try workspace.remove("m/a.yaml")
            try workspace.makeFolder("m/a.yaml")
        }
    }

    @Test("A file that is named itself: emptied, removed, a folder in its place")
    func namedFile() throws {
        for (message, change) in [
            ("m/a.yaml: is empty", { try workspace.write("m/a.yaml", "") }),
            ("m/a.yaml: no such file or folder", { try workspace.remove("m/a.yaml") }),
            (
                "m/a.yaml: is another folder now, without any manifest",
                {
                    try workspace.remove("m/a.yaml")
                    try workspace.makeFolder("m/a.yaml")
                }
            ),
        ] as [(String, () throws -> Void)] {
            let (result, _) = try look("m/a.yaml", after: change)
            #expect(result.services == ["a:1"], "\(message)")
            #expect(result.messages(workspace) == [message + "; its last good state stays in use"])
            try? workspace.remove("m/a.yaml")
            try workspace.write("m/a.yaml", service("a", port: 1))
        }
    }

    @Test("What is deleted from a folder that is there is deleted, down to the last file")
    func deleted() throws {
        let (one, settle) = try look { try workspace.remove("m/a.yaml") }
        #expect(one.services == ["b:1"] && one.problems.isEmpty)
        try workspace.remove("m/b.yaml")
        let none = settle()
        #expect(none.services == [])
        #expect(none.messages(workspace) == ["m: no *.yaml, *.yml or *.json files in it"])
        #expect(!none.isPartial)
    }

    @Test("A key that leaves a ConfigMap volume is deleted, and the others are updated")
    func configMap() throws {
        for (version, port) in [("1", 1), ("2", 2)] {
            try workspace.makeFolder("v/..\(version)")
            try workspace.write("v/..\(version)/a.yaml", service("a", port: port))
        }
        try workspace.write("v/..1/b.yaml", service("b", port: 1))
        try workspace.link("v/..data", to: "..1")
        for name in ["a", "b"] { try workspace.link("v/\(name).yaml", to: "..data/\(name).yaml") }
        // As the kubelet does it: the data first, then the links that lead nowhere.
        let (result, _) = try look("v") {
            try workspace.link("v/..data", to: "..2")
            try workspace.remove("v/b.yaml")
        }
        #expect(result.services == ["a:2"] && result.problems.isEmpty)
    }

    @Test("An empty file at the start is just empty")
    func emptyAtStart() async throws {
        try workspace.write("m/a.yaml", "")
        let result = await workspace.load("m")
        #expect(result.services == ["b:1"] && result.problems.isEmpty && !result.isPartial)
    }
}
