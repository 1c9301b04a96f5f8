import Base
import Cluster
import Foundation
import Testing

@testable import Manifests

/// Files that change while they are watched.
@Suite("Live reload", .timeLimit(.minutes(1)))
struct ReloadTests {
    /// Loads, then makes changes one at a time and waits for what each leads to.
    private struct Watch {
        let source: ManifestSource
        var last = Picture()

        init(_ paths: [String]) async {
            source = ManifestSource(paths.map { .path($0) }, pollInterval: .milliseconds(10))
            if let update = await source.next() { last.take(update) }
        }

        /// Waits until a condition holds. There may be other updates before: a change in two steps can be seen between them.
        mutating func expect(
            _ condition: (Picture) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
        ) async {
            while !condition(last) {
                guard let update = await source.next() else {
                    Issue.record("there are no more updates", sourceLocation: sourceLocation)
                    return
                }
                last.take(update)
            }
        }
    }

    @Test("Written in place, replaced by renaming, removed, and back again")
    func file() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 1))
        var watch = await Watch([workspace.path("web.yaml")])
        #expect(watch.last.services == ["web:1"])
        try workspace.write("web.yaml", service("web", port: 2))
        await watch.expect { $0.services == ["web:2"] }
        try workspace.replace("web.yaml", service("web", port: 3) + "---\n" + service("api", port: 4))
        await watch.expect { $0.services == ["api:4", "web:3"] }
        try workspace.replace("web.yaml", service("web", port: 3))
        await watch.expect { $0.services == ["web:3"] }
        try workspace.remove("web.yaml")
        await watch.expect { $0.hasErrors }
        #expect(
            watch.last.messages(workspace) == ["web.yaml: no such file or folder; its last good state stays in use"])
        #expect(watch.last.services == ["web:3"], "a source that is gone says nothing about its objects")
        try workspace.write("web.yaml", service("web", port: 5))
        await watch.expect { $0.services == ["web:5"] && $0.problems.isEmpty }
    }

    @Test("Two writes of equal length within one step of the file's clock")
    func sameSize() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 10))
        var watch = await Watch([workspace.path("web.yaml")])
        for port in 11...40 {
            try workspace.write("web.yaml", service("web", port: port))
            await watch.expect { $0.services == ["web:\(port)"] }
        }
    }

    @Test("Files added to and removed from a folder")
    func folder() async throws {
        let workspace = try Workspace()
        try workspace.makeFolder("m")
        try workspace.write("m/a.yaml", service("a"))
        var watch = await Watch([workspace.path("m")])
        try workspace.write("m/b.yml", service("b"))
        await watch.expect { $0.services == ["a:80", "b:80"] }
        try workspace.remove("m/a.yaml")
        await watch.expect { $0.services == ["b:80"] }
        try workspace.remove("m/b.yml")
        await watch.expect { $0.services.isEmpty }
        #expect(watch.last.problems.map(\.severity) == [.warning])
    }

    @Test("A ConfigMap volume: the link ..data is turned to a new folder")
    func symbolicLinks() async throws {
        let workspace = try Workspace()
        for (version, port) in [("1", 1), ("2", 2)] {
            try workspace.makeFolder("m/..\(version)")
            try workspace.write("m/..\(version)/web.yaml", service("web", port: port))
        }
        try workspace.link("m/..data", to: "..1")
        try workspace.link("m/web.yaml", to: "..data/web.yaml")
        var watch = await Watch([workspace.path("m")])
        #expect(watch.last.services == ["web:1"])
        try workspace.link("m/..data", to: "..2")
        await watch.expect { $0.services == ["web:2"] }
    }

    @Test("A broken object keeps its last good state, its neighbours follow the file")
    func brokenObject() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 1) + "---\n" + service("api", port: 1))
        var watch = await Watch([workspace.path("web.yaml")])
        try workspace.replace("web.yaml", service("web", port: 0) + "---\n" + service("api", port: 2))
        await watch.expect { $0.services == ["api:2", "web:1"] }
        let broken = watch.last
        #expect(
            broken.messages(workspace) == [
                "web.yaml:6: document 1, Service default/web: spec.ports[0].port: expected a number from 1 to 65535, "
                    + "found 0; its last good state stays in use"
            ])
        // It stays through further edits, and the problem is not new any more.
        try workspace.replace("web.yaml", service("web", port: 0) + "---\n" + service("api", port: 3))
        await watch.expect { $0.services == ["api:3", "web:1"] }
        #expect(watch.last.problems == broken.problems)
        try workspace.replace("web.yaml", service("web", port: 9) + "---\n" + service("api", port: 3))
        await watch.expect { $0.services == ["api:3", "web:9"] && $0.problems.isEmpty }
        // It is known which one is broken, so what is missing was taken out.
        try workspace.replace("web.yaml", service("web", port: 0))
        await watch.expect { $0.services == ["web:9"] && $0.hasErrors }
    }

    @Test("A document that cannot be parsed keeps what is missing; mended without it, it is gone")
    func brokenDocument() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 1) + "---\n" + service("api", port: 1))
        var watch = await Watch([workspace.path("web.yaml")])
        try workspace.replace("web.yaml", "kind: [\n---\n" + service("api", port: 2))
        await watch.expect { $0.services == ["api:2", "web:1"] && $0.hasErrors }
        try workspace.replace("web.yaml", service("api", port: 2))
        await watch.expect { $0.services == ["api:2"] && $0.problems.isEmpty }
    }

    @Test("A file that became unreadable keeps everything; so does one that is emptied of sense")
    func brokenFile() async throws {
        let workspace = try Workspace()
        try workspace.write(
            "web.json", #"{"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 1}]}}"#)
        try workspace.write("other.yaml", service("other", port: 1))
        var watch = await Watch([workspace.path("web.json"), workspace.path("other.yaml")])
        try workspace.replace("web.json", #"{"kind": "Serv"#)
        await watch.expect { $0.hasErrors }
        #expect(watch.last.services == ["other:1", "web:1"])
        #expect(
            watch.last.messages(workspace) == [
                "web.json:1: not valid JSON: a string without end; its last good state stays in use"
            ])
        try workspace.replace("other.yaml", service("other", port: 2))
        await watch.expect { $0.services == ["other:2", "web:1"] }
    }

    @Test("An object may move between files while one of them is broken")
    func moved() async throws {
        let workspace = try Workspace()
        try workspace.write("a.yaml", service("web", port: 1))
        try workspace.write("b.yaml", service("api", port: 1))
        var watch = await Watch([workspace.path("a.yaml"), workspace.path("b.yaml")])
        try workspace.replace("a.yaml", "kind: [")
        await watch.expect { $0.hasErrors }
        try workspace.replace("b.yaml", service("api", port: 1) + "---\n" + service("web", port: 2))
        await watch.expect { $0.services == ["api:1", "web:2"] }
        #expect(watch.last.problems.count == 1)
    }

    @Test("Writing the same again gives no result; the next change does")
    func noChange() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 1))
        var watch = await Watch([workspace.path("web.yaml")])
        try workspace.replace("web.yaml", "# a comment\n" + service("web", port: 1))
        try workspace.replace("web.yaml", service("web", port: 1))
        try workspace.write("web.yaml", service("web", port: 2))
        let next = await watch.source.next()
        #expect(next?.changes.names == ["Service default/web"])
        watch.last.take(try #require(next))
        #expect(watch.last.services == ["web:2"])
    }

    @Test("The updates end with the task that reads them")
    func cancellation() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web"))
        let source = ManifestSource([.path(workspace.path("web.yaml"))], pollInterval: .milliseconds(10))
        _ = await source.next()
        let reader = Task { await source.next() }
        reader.cancel()
        #expect(await reader.value == nil)
    }

    @Test("Everything is read again when somebody asks for it, and only what differs is told")
    func reread() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web", port: 1))
        var watch = await Watch([workspace.path("web.yaml")])
        await watch.source.reread()
        try workspace.replace("web.yaml", service("web", port: 1) + "---\n" + service("api", port: 1))
        await watch.expect { $0.services == ["api:1", "web:1"] }
    }

    @Test("Very many files are looked at less often, but not what has just changed")
    func pace() {
        func pause(_ files: Int, isWaiting: Bool = false) -> Duration {
            ManifestSource.pause(looksAt: files, isWaiting: isWaiting, interval: .milliseconds(250))
        }
        #expect(pause(1) == .milliseconds(250))
        #expect(pause(2_500) == .milliseconds(250))
        #expect(pause(20_000) == .seconds(2))
        #expect(pause(20_000, isWaiting: true) == .milliseconds(250))
    }
}
