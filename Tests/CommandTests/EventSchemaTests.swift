import Glibc
import TestSupport
import Testing

/// What the program prints for others is what `docs/events.schema.json` says.
@Suite("Lines for programs", .timeLimit(.minutes(2))) struct EventSchemaTests {
    private let manifests = """
        {kind: Service, metadata: {name: web}, spec: {ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}}
        ---
        {kind: Service, metadata: {name: db}, spec: {type: NodePort, ports: [{port: 5432, nodePort: 30432}]}}
        ---
        {kind: Service, metadata: {name: peers}, spec: {clusterIP: None, ports: [{port: 1}]}}
        ---
        {kind: Service, metadata: {name: bad}, spec: {ports: [{port: 0}]}}
        ---
        {kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 169.254.0.1}], ports: [{name: http, port: 9}]}]}

        """

    private func mistakes(_ text: String, _ definition: String) throws -> [String] {
        let schema = try EventSchema()
        return try text.split(separator: "\n").compactMap { line in
            try schema.mistake(in: line, definition).map { "\($0) in \(line)" }
        }
    }

    @Test("All of portico dev")
    func dev() async throws {
        let folder = try TemporaryDirectory()
        let (server, dead) = (try ScriptedServer.identity("a"), try RefusingPort())
        try folder.write(manifests, to: "m/all.yaml")
        let (port, deadPort) = (try freePort(), try freePort())
        let session = try DevProcess([
            "-f", folder.file("m"), "--output", "json", "--log-format", "json", "--connections", "--dns", "0",
            "--socks", "0", "--service", "good:80=127.0.0.1:\(server.port)", "--publish", "good:80=127.0.0.1:\(port)",
            "--service", "old:80=127.0.0.1:\(dead.port)", "--publish", "old:80=127.0.0.1:\(deadPort)",
        ])
        try await session.waitFor(#""event":"listening""#)
        _ = try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished()
        // It may be reset before it knows that it is connected.
        _ = try? await ScriptedPeer.connect(to: deadPort, script: [.receiveReset]).finished()
        try folder.replace("m/all.yaml", with: manifests.replacing("5432,", with: "5433,"))
        try await session.waitFor(#""event":"changed""#)
        let result = try await session.end()
        #expect(try mistakes(result.output, "dev").isEmpty)
        #expect(try mistakes(result.errors, "log").isEmpty)
        for event in ["listening", "changed", "connection", "summary"] {
            #expect(result.output.contains(#"{"event":"\#(event)""#), "\(event)")
        }
        #expect(result.output.contains(#""portName":"http","port":80,"#))
        // What a person reads in the message.
        let failure = result.errors.split(separator: "\n").first { $0.contains("passed over") } ?? ""
        #expect(
            failure.contains(#""endpoint":"127.0.0.1:\#(dead.port)""#) && failure.contains(#""service":"default/old""#)
                && failure.contains(#""error":"connection refused""#), "\(failure)")
        #expect(result.errors.contains(#""problem":"source""#) || result.errors.contains(#""problem":"object""#))
    }

    @Test("All of portico check")
    func check() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(manifests, to: "all.yaml")
        let child = try ChildProcess(
            DevProcess.program(), ["check", "-f", folder.file("all.yaml"), "--endpoints", "--output", "json"])
        child.closeInput()
        let output = try await child.finished().output
        #expect(try mistakes(output, "check").isEmpty)
        for event in ["problem", "note", "servicePort", "summary"] {
            #expect(output.contains(#"{"event":"\#(event)""#), "\(event): \(output)")
        }
    }

    @Test("All of portico daemon")
    func daemon() async throws {
        let folder = try TemporaryDirectory()
        let node =
            #"{kind: Service, metadata: {name: node}, spec: {type: NodePort, clusterIP: 127.0.0.1, ports: [{port: 80}]}}"#
        try folder.write(manifests, to: "m/all.yaml")
        let daemon = try ChildProcess(
            DevProcess.program(),
            [
                "daemon", "-f", folder.file("m"), "--hostname-override", "node1", "--redirect", "none",
                "--healthz-bind-address=", "--kernel-root", folder.path, "--output", "json", "--log-format", "json",
            ])
        daemon.closeInput()
        defer { daemon.signal(SIGKILL) }
        await daemon.waitFor(#""event":"listening""#)
        try folder.write(node + "\n", to: "m/node.yaml")
        await daemon.waitFor(#""event":"changed""#)
        daemon.signal(SIGTERM)
        let result = try await daemon.finished()
        #expect(result.status == 0)
        #expect(try mistakes(result.output, "daemon").isEmpty)
        #expect(try mistakes(result.errors, "log").isEmpty)
        for event in ["listening", "changed", "summary"] {
            #expect(result.output.contains(#"{"event":"\#(event)""#), "\(event): \(result.output)")
        }
    }

    @Test("All of portico demo-pod and portico version")
    func others() async throws {
        let pod = try ChildProcess(
            DevProcess.program(), ["demo-pod", "web-1", "--port", "\(freePort())", "--output", "json"])
        pod.closeInput()
        defer { pod.signal(SIGKILL) }
        await pod.waitFor("listening")
        pod.signal(SIGTERM)
        let said = try await pod.finished().output
        #expect(try said.contains("web-1") && mistakes(said, "demoPod").isEmpty, "\(said)")

        let version = try ChildProcess(DevProcess.program(), ["version", "--output", "json"])
        let line = try await version.finished().output
        #expect(try line.hasSuffix("}\n") && mistakes(line, "version").isEmpty, "\(line)")
    }

    @Test("What is not described is noticed")
    func notices() throws {
        #expect(try !mistakes(#"{"event":"dropped","dropped":"7"}"#, "dev").isEmpty)
        #expect(try !mistakes(#"{"event":"dropped"}"#, "dev").isEmpty)
        #expect(try !mistakes(#"{"event":"dropped","dropped":7,"more":1}"#, "dev").isEmpty)
        #expect(try !mistakes(#"{"event":"other"}"#, "dev").isEmpty)
        #expect(try !mistakes(#"{"event":"dropped","dropped":-1}"#, "dev").isEmpty)
        #expect(try mistakes(#"{"event":"dropped","dropped":7}"#, "dev").isEmpty)
    }
}
