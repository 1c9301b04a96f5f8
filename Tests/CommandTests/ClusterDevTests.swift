import APITestSupport
import Glibc
import TestSupport
import Testing

/// `portico dev` with a cluster's API server, run as a user runs it.
@Suite("Developers that follow a cluster", .timeLimit(.minutes(2))) struct ClusterDevTests {
    private static let plain = #"{"ports":[{"port":80,"protocol":"TCP"}]}"#

    private func answer(_ port: UInt16) async throws -> String {
        try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished().received.text
    }

    @Test("The Services of a cluster answer here, changes are followed, and what was known stays when the server goes")
    func development() async throws {
        let (old, new) = (try ScriptedServer.identity("old"), try ScriptedServer.identity("new"))
        let cluster = try await ProgramCluster()
        cluster.put(service: Self.plain)
        cluster.put(endpoints: [old.port])
        let port = try freePort()
        let session = try DevProcess(
            ["--kubeconfig", cluster.kubeconfig, "--context", "x", "--publish", "shop/web:80=\(port)"])
        try await session.waitFor("Ready. Changes of the cluster are followed.")
        #expect(try await answer(port) == "old")
        #expect(cluster.server.requests.allSatisfy { $0.header("authorization") == "Bearer secret" })
        cluster.put(endpoints: [new.port])
        #expect(await eventually(within: .seconds(20)) { (try? await answer(port)) == "new" })

        cluster.server.close()
        await cluster.server.resetConnections()
        try await session.waitForErrors("127.0.0.1:\(cluster.server.port)")
        #expect(try await answer(port) == "new")
        #expect(try await session.end().status == 0)
    }

    @Test("KUBECONFIG names a cluster where nothing else is named, and does not where something is")
    func environment() async throws {
        let pod = try ScriptedServer.identity("pod")
        let cluster = try await ProgramCluster()
        cluster.put(service: Self.plain)
        cluster.put(endpoints: [pod.port])
        let launcher = ["env", "KUBECONFIG=\(cluster.kubeconfig)"]
        let port = try freePort()
        let other = try DevProcess(["--service", "db:5432=127.0.0.1:\(pod.port)"], launcher: launcher)
        try await other.waitFor("Ready.")
        #expect(try await other.end().status == 0)
        #expect(cluster.server.requests.isEmpty)
        let session = try DevProcess(["--publish", "shop/web:80=\(port)"], launcher: launcher)
        try await session.waitFor("Ready.")
        #expect(try await answer(port) == "pod")
        #expect(try await session.end().status == 0)
    }

    @Test("What is wrong with a kubeconfig is one line, with its place")
    func mistakes() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("apiVersion: v1\nkind: Config\ncurrent-context: none\n", to: "config")
        let missing = try await DevProcess(["--kubeconfig", folder.file("absent")]).finished()
        #expect(missing.status == 1 && missing.errors.contains(folder.file("absent")))
        let nobody = try await DevProcess(["--kubeconfig", folder.file("config")]).finished()
        #expect(nobody.status == 1 && nobody.errors.contains("none"), "\(nobody.errors)")
        #expect(nobody.errors.split(separator: "\n").count == 1)
    }

    @Test("Pods that cannot be reached from here are said once for a Service, in JSON too, until they can be")
    func unreachablePods() async throws {
        let cluster = try await ProgramCluster()
        let hole = try BlackHole()
        cluster.put(service: Self.plain)
        cluster.put(endpoints: [hole.port])
        let port = try freePort()
        let session = try DevProcess([
            "--kubeconfig", cluster.kubeconfig, "--publish", "shop/web:80=\(port)", "--output", "json",
        ])
        try await session.waitFor(#""event":"listening""#)
        #expect(!session.child.output.contains(#""event":"connection""#))
        async let clients = [answer(port), answer(port)]
        _ = try? await clients
        let words = "Service shop/web: none of its endpoints that were tried can be reached from this machine"
        try await session.waitForErrors(words)
        try await session.waitFor(words)
        let pod = try ScriptedServer.identity("pod")
        cluster.put(endpoints: [pod.port])
        #expect(await eventually(within: .seconds(20)) { (try? await answer(port)) == "pod" })
        try await session.waitForErrors("no longer: \(words)")
        let result = try await session.end()
        #expect(result.status == 0)
        #expect(result.errors.ranges(of: words).count == 2, "\(result.errors)")
        #expect(!result.output.contains(#""event":"connection""#), "nobody has asked for them")
    }
}
