import Base
import Foundation
import Testing

@testable import Manifests

/// Files that change while they are watched.
@Suite("Live reload", .timeLimit(.minutes(1)))
struct ReloadTests {
    /// Loads, then makes changes one at a time and waits for what each leads to.
    private struct Watch {
        let source: ManifestSource
        var iterator: AsyncStream<ManifestResult>.AsyncIterator
        var last: ManifestResult

        init(_ paths: [String]) async {
            source = ManifestSource(paths.map { .path($0) }, pollInterval: .milliseconds(10))
            last = await source.load()
            iterator = source.changes().makeAsyncIterator()
        }

        /// Waits for a result that satisfies a condition. There may be others before: a change in two steps can be seen
        /// between them.
        mutating func expect(
            _ condition: (ManifestResult) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
        ) async {
            while !condition(last) {
                guard let next = await iterator.next() else {
                    Issue.record("the changes ended", sourceLocation: sourceLocation)
                    return
                }
                last = next
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
        #expect(watch.last.newProblems(since: broken).isEmpty)
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
        let next = await watch.iterator.next()
        #expect(next?.services == ["web:2"])
    }

    @Test("The changes end with the task that reads them")
    func cancellation() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web"))
        let source = ManifestSource([.path(workspace.path("web.yaml"))], pollInterval: .milliseconds(10))
        _ = await source.load()
        let reader = Task { for await _ in source.changes() {} }
        reader.cancel()
        await reader.value
    }
}
