import Glibc
import TestSupport
import Testing

/// `portico dev`, run as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct DevProgramTests {
    private func answer(_ port: UInt16) async throws -> String {
        try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished().received.text
    }

    private func manifest(service: String = "web", ports: [UInt16]) -> String {
        let subsets = ports.map { "  - addresses: [{ip: 127.0.0.1}]\n    ports: [{port: \($0)}]\n" }.joined()
        return """
            apiVersion: v1
            kind: Service
            metadata: {name: \(service)}
            spec: {ports: [{port: 80}]}
            ---
            apiVersion: v1
            kind: Endpoints
            metadata: {name: \(service)}
            subsets:
            \(subsets)
            """
    }

    @Test func manifestsInWorkingServicesOut() async throws {
        let servers = try ["a", "b"].map { try ScriptedServer.identity($0) }
        let folder = try TemporaryDirectory()
        try folder.write(manifest(ports: servers.map(\.port)), to: "web.yaml")
        let port = try freePort()
        let session = try DevProcess(["-f", folder.path, "--publish", "web:80=\(port)", "--connections"])
        try await session.waitFor("Ready.")
        let answers = [try await answer(port), try await answer(port), try await answer(port), try await answer(port)]
        #expect(answers.count { $0 == "a" } == 2 && answers.count { $0 == "b" } == 2)
        let result = try await session.end()
        #expect(result.status == 0)
        #expect(result.output.contains("default/web"))
        #expect(result.output.contains("completed"))
        #expect(result.output.contains("CONNECTIONS"))
    }

    @Test func anEditTakesEffectAndABrokenOneDoesNot() async throws {
        let old = try ScriptedServer.identity("old")
        let new = try ScriptedServer.identity("new")
        let folder = try TemporaryDirectory()
        try folder.write(manifest(ports: [old.port]), to: "web.yaml")
        let port = try freePort()
        let session = try DevProcess(["-f", folder.path, "--publish", "web:80=\(port)"])
        try await session.waitFor("Ready.")
        #expect(try await answer(port) == "old")

        try folder.write("kind: Service\n  broken: [", to: "web.yaml")
        #expect(await eventually(within: .seconds(20)) { session.child.errors.contains("web.yaml:") })
        #expect(try await answer(port) == "old", "the last good state stays")

        try folder.replace("web.yaml", with: manifest(ports: [new.port]))
        #expect(try await eventually(within: .seconds(20)) { try await answer(port) == "new" })
        #expect(try await session.end().status == 0)
    }

    @Test func aChangeIsToldWithTheServicesThatChangedOnly() async throws {
        let folder = try TemporaryDirectory()
        for name in ["web", "cart", "gone"] {
            try folder.write(manifest(service: name, ports: [9]), to: "\(name).yaml")
        }
        let session = try DevProcess(["-f", folder.path, "--output", "json"])
        func changes() -> [Substring] {
            session.child.output.split(separator: "\n").filter { $0.hasPrefix(#"{"event":"changed""#) }
        }
        try await session.waitFor(#""event":"listening""#)
        for name in ["web", "cart", "gone"] { #expect(session.child.output.contains(#""service":"default/\#(name)""#)) }

        try folder.replace("web.yaml", with: manifest(service: "web", ports: [10]))
        #expect(await eventually(within: .seconds(20)) { changes().count == 1 })
        let changed = try #require(changes().first)
        #expect(changed.contains(#""service":"default/web""#) && changed.contains(#""address":"127.0.0.1:10""#))
        #expect(!changed.contains("cart") && changed.hasSuffix(#""gone":[]}"#), "\(changed)")

        folder.remove("gone.yaml")
        #expect(await eventually(within: .seconds(20)) { changes().count == 2 })
        let last = try #require(changes().last)
        #expect(last.contains(#""services":[]"#) && last.hasSuffix(#""gone":["default/gone"]}"#), "\(last)")
        let result = try await session.end()
        #expect(result.status == 0 && result.output.contains(#""event":"summary""#))
    }

    @Test func aProblemIsToldWhenItComesAndWhenItIsOver() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(manifest(ports: [9]), to: "web.yaml")
        try folder.write("kind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 0}]}\n", to: "bad.yaml")
        let session = try DevProcess(["-f", folder.path])
        try await session.waitFor("Ready.")
        try await session.waitForErrors("bad.yaml:3:")
        try folder.replace("bad.yaml", with: "kind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 1}]}\n")
        #expect(await eventually(within: .seconds(20)) { session.child.errors.contains("no longer: \(folder.path)") })
        #expect(try await session.end().status == 0)
    }

    @Test func aServiceNeedsNoManifest() async throws {
        let server = try ScriptedServer.identity("a")
        let port = try freePort()
        let session = try DevProcess([
            "--service", "db:5432=localhost:\(server.port)", "--publish", "db:5432=127.0.0.1:\(port)", "--output",
            "json",
        ])
        try await session.waitFor(#""event":"listening""#)
        #expect(session.child.output.contains(#""127.0.0.1:\#(port)""#))
        #expect(try await answer(port) == "a")
        let result = try await session.end()
        #expect(result.status == 0)
        #expect(result.output.contains(#""event":"summary","connections":1"#))
    }

    @Test func oneBrokenDocumentDoesNotTakeDownTheOthers() async throws {
        let server = try ScriptedServer.identity("a")
        let folder = try TemporaryDirectory()
        try folder.write(manifest(ports: [server.port]), to: "good.yaml")
        try folder.write(
            "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 0}]}\n", to: "bad.yaml")
        let port = try freePort()
        let session = try DevProcess(["-f", folder.path, "--publish", "web:80=\(port)"])
        try await session.waitFor("Ready.")
        try await session.waitForErrors("bad.yaml:4:")
        try await session.waitForErrors("spec.ports[0].port")
        #expect(try await answer(port) == "a")
        #expect(try await session.end().status == 0)
    }

    @Test func nothingLeftToServeIsAFailure() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("kind: [", to: "bad.yaml")
        let session = try DevProcess(["-f", folder.path])
        let result = try await session.finished()
        #expect(result.status == 1)
        #expect(result.errors.contains("nothing is left to serve"))
    }

    @Test func aSilentUDPClientIsForgottenAsSoonAsAskedFor() async throws {
        let server = try UDPServer()
        let port = try freePort()
        let process = try DevProcess([
            "--service", "dns:53/udp=127.0.0.1:\(server.port)", "--publish", "dns:53/udp=127.0.0.1:\(port)",
            "--udp-timeout", "50ms",
        ])
        try await process.waitFor("Ready.")
        let client = try UDPClient(to: port)
        // Each question within two seconds of the one before: by itself this is one exchange that goes on.
        let isForgotten = try await eventually(every: .milliseconds(500)) {
            let answer = try await client.ask("x")
            return answer == "x" && server.arrivals.sources.count > 1
        }
        #expect(isForgotten)
        _ = try await process.end()
    }

    @Test func aSecondSignalEndsAtOnce() async throws {
        let server = try ScriptedServer.echo()
        let port = try freePort()
        let session = try DevProcess([
            "--service", "db:80=127.0.0.1:\(server.port)", "--publish", "db:80=\(port)", "--drain-timeout", "10m",
        ])
        try await session.waitFor("Ready.")
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .expect("x"), .receiveReset])
        #expect(await eventually { client.progress.received.count == 1 })
        session.child.signal(SIGTERM)
        #expect(await eventually { session.child.errors.contains("waiting for 1 open connection") })
        session.child.signal(SIGTERM)
        #expect(try await session.finished().status == 143)
        #expect(try await client.finished().sawReset)
    }
}
