import Base
import Cluster
import Foundation
import Testing

@testable import Manifests

@Suite("Inputs")
struct ManifestInputTests {
    @Test("Arguments")
    func arguments() {
        #expect(ManifestInput(argument: "-") == .standardInput)
        #expect(ManifestInput(argument: "web.yaml") == .path("web.yaml"))
    }

    @Test("A folder: sorted, not recursive, only manifests, no hidden files")
    func folder() async throws {
        let workspace = try Workspace()
        try workspace.makeFolder("m/deeper.yaml")
        try workspace.write("m/b.yml", service("b"))
        try workspace.write("m/a.yaml", service("a"))
        try workspace.write("m/c.json", #"{"kind": "Service", "metadata": {"name": "c"}, "spec": {}}"#)
        try workspace.write("m/.hidden.yaml", service("hidden"))
        try workspace.write("m/readme.txt", "nothing")
        try workspace.write("m/deeper.yaml/d.yaml", service("d"))
        let result = await workspace.load("m")
        #expect(result.services == ["a:80", "b:80", "c:0"])
        #expect(result.problems.isEmpty)
    }

    @Test("What is missing or empty is a problem, and the rest is served")
    func missing() async throws {
        let workspace = try Workspace()
        try workspace.makeFolder("empty")
        try workspace.write("web.yaml", service("web"))
        let result = await workspace.load("none.yaml", "empty", "web.yaml")
        #expect(result.services == ["web:80"])
        #expect(
            result.messages(workspace) == [
                "none.yaml: no such file or folder", "empty: no *.yaml, *.yml or *.json files in it",
            ])
        #expect(result.problems.map(\.severity) == [.error, .warning])
        #expect(result.hasErrors)
    }

    @Test("A file that is named twice counts once")
    func twice() async throws {
        let workspace = try Workspace()
        try workspace.makeFolder("m")
        try workspace.write("m/web.yaml", service("web"))
        let result = await workspace.load("m", "m/web.yaml", "m/")
        #expect(result.problems.isEmpty)
        #expect(result.services == ["web:80"])
    }

    @Test("Of duplicates the last wins, with a warning that names both places")
    func duplicates() async throws {
        let workspace = try Workspace()
        try workspace.write("a.yaml", service("other") + "---\n" + service("web", port: 1))
        try workspace.write("b.yaml", service("web", port: 2) + "---\n" + service("web", port: 3))
        let result = await workspace.load("a.yaml", "b.yaml")
        #expect(result.services == ["other:80", "web:3"])
        #expect(
            result.messages(workspace) == [
                "b.yaml:1: document 1, Service default/web: replaces the one in a.yaml:8",
                "b.yaml:8: document 2, Service default/web: replaces the one in b.yaml:1",
            ])
        #expect(!result.hasErrors)
    }

    @Test("A named pipe is read once")
    func pipe() async throws {
        let workspace = try Workspace()
        try #require(mkfifo(workspace.path("pipe"), 0o600) == 0)
        let writer = Task.detached { try workspace.write("pipe", service("web")) }
        var (store, picture) = workspace.store("pipe")
        #expect(picture.services == ["web:80"])
        _ = await writer.result
        // A second reading would wait for another writer for ever.
        store.forget()
        store.settle(&picture)
        #expect(picture.services == ["web:80"])
    }

    @Test("Pipes and devices in a folder are told and hold up nothing, also one that comes later")
    func pipesInAFolder() async throws {
        let workspace = try Workspace()
        try #require(mkdir(workspace.path("a"), 0o700) == 0)
        try workspace.write("a/web.yaml", service("web"))
        try #require(mkfifo(workspace.path("a/pipe.yaml"), 0o600) == 0)
        try #require(symlink("/dev/zero", workspace.path("a/zero.json")) == 0)
        var (store, first) = workspace.store("a")
        #expect(first.services == ["web:80"])
        #expect(
            first.messages(workspace) == [
                "a/pipe.yaml: cannot be read: it is a pipe, socket or device, and not a file",
                "a/zero.json: cannot be read: it is a pipe, socket or device, and not a file",
            ])
        try #require(mkfifo(workspace.path("a/later.yaml"), 0o600) == 0)
        try workspace.write("a/web.yaml", service("web", port: 81))
        store.settle(&first)
        #expect(first.services == ["web:81"])
        #expect(first.problems.count == 3)
    }

    @Test("A device that gives without end is refused")
    func endless() async throws {
        let workspace = try Workspace()
        let result = await load([.path("/dev/zero")])
        #expect(
            result.messages(workspace) == ["/dev/zero: cannot be read: it gives more than 256 MiB"])
    }

    @Test("Problems can be had with their places apart")
    func problems() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 0))
        let source = ManifestSource([.path(workspace.path("web.yaml"))])
        let update = await source.next()
        let problems = await source.problems
        #expect(problems.map(\.field) == ["spec.ports[0].port"])
        #expect(problems.map(\.line) == [6])
        #expect(update?.problems == problems.map { Problem($0) })
        #expect(update?.problems.map(\.kind) == [.object])
    }
}
