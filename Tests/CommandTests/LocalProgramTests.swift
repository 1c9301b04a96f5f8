import Glibc
import TestSupport
import Testing

/// `portico dev --local`, run as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct LocalProgramTests {
    private func service(
        _ name: String = "web", _ spec: String = "ports: [{port: 80}]", pods: [UInt16] = [],
        over transport: String = "TCP"
    ) -> String {
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: \(name)}\nspec: {\(spec)}\n---\n"
        guard !pods.isEmpty else { return service }
        let subsets = pods.map { "{addresses: [{ip: 127.0.0.1}], ports: [{port: \($0), protocol: \(transport)}]}" }
        return service + "apiVersion: v1\nkind: Endpoints\nmetadata: {name: \(name)}\n"
            + "subsets: [\(subsets.joined(separator: ", "))]\n---\n"
    }

    private func process(_ name: String, at port: UInt16) throws -> ScriptedServer {
        try ScriptedServer(port: port, script: [.send(name), .shutdownWrite, .receiveAll])
    }

    private func answer(_ port: UInt16) async throws -> String {
        try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished().received.text
    }

    /// What some clients at once are answered; one that is refused or reset throws.
    private func answers(_ port: UInt16) async throws -> Set<String> {
        let clients = try (0..<4).map { _ in try ScriptedPeer.connect(to: port, script: [.receiveAll]) }
        var answers: Set<String> = []
        for client in clients { answers.insert(try await client.finished().received.text) }
        return answers
    }

    @Test("A process that comes and goes has the clients in between, and none of them fails")
    func comesAndGoes() async throws {
        let pods = try ["a", "b"].map { try ScriptedServer.identity($0) }
        let folder = try TemporaryDirectory()
        try folder.write(service(pods: pods.map(\.port)), to: "web.yaml")
        let (port, mine) = (try freePort(), try freePort())
        let session = try DevProcess([
            "-f", folder.path, "--publish", "web:80=\(port)", "--local", "web=\(mine)", "--output", "json",
        ])
        try await session.waitFor(#""event":"listening""#)
        #expect(session.child.output.contains(#""local":{"place":"127.0.0.1:\#(mine)","serves":false}"#))
        #expect(try await answers(port) == ["a", "b"])
        for round in 1...3 {
            let process = try process("mine", at: mine)
            #expect(try await eventually(within: .seconds(20)) { try await answers(port) == ["mine"] })
            await process.stop()
            // At once: before anybody can have seen that it is gone.
            #expect(try await answers(port).isSubset(of: ["a", "b"]))
            let words = "default/web: nothing listens on 127.0.0.1:\(mine) any more: back to 2 endpoints"
            var isTold = false
            while !isTold {
                isTold = session.child.errors.ranges(of: words).count == round
                #expect(try await answers(port).isSubset(of: ["a", "b"]))
            }
        }
        let result = try await session.end()
        #expect(result.status == 0)
        #expect(result.errors.ranges(of: "default/web: 127.0.0.1:\(mine) has its clients from now on").count == 3)
        #expect(result.output.contains(#""local":{"place":"127.0.0.1:\#(mine)","serves":true}"#))
    }

    /// A datagram that finds nobody is lost, as always with UDP.
    @Test("A client of UDP goes along; of what it asks one question at most is lost")
    func datagrams() async throws {
        let pod = try UDPServer(.echo(identity: "pod "))
        let folder = try TemporaryDirectory()
        let dns = service("dns", "ports: [{port: 53, protocol: UDP}]", pods: [pod.port], over: "UDP")
        try folder.write(dns, to: "dns.yaml")
        let (port, mine) = (try freePort(), try freePort())
        let session = try DevProcess([
            "-f", folder.path, "--publish", "dns:53/udp=127.0.0.1:\(port)", "--local", "dns=\(mine)",
        ])
        try await session.waitFor(" served.")
        let client = try UDPClient(to: port)
        #expect(try await client.ask("x") == "pod x")
        let process = try UDPServer(.echo(identity: "mine "), port: mine)
        #expect(try await eventually(within: .seconds(20)) { try await client.ask("x") == "mine x" })
        await process.stop()
        let first = try await client.ask("x", within: .seconds(3))
        #expect(first == nil || first == "pod x")
        for _ in 0..<50 { #expect(try await client.ask("x") == "pod x") }
        #expect(try await session.end().status == 0)
    }

    @Test("With refuse nobody else has its clients")
    func refuses() async throws {
        let pod = try ScriptedServer.identity("pod")
        let folder = try TemporaryDirectory()
        try folder.write(service(pods: [pod.port]), to: "web.yaml")
        let (port, mine) = (try freePort(), try freePort())
        let session = try DevProcess([
            "-f", folder.path, "--publish", "web:80=\(port)", "--local", "web=\(mine)", "--local-fallback", "refuse",
        ])
        try await session.waitFor(" served.")
        #expect(session.child.output.contains("waits for 127.0.0.1:\(mine)\n"))
        #expect((try? await answer(port)) == nil)
        let process = try process("mine", at: mine)
        #expect(await eventually(within: .seconds(20)) { (try? await answer(port)) == "mine" })
        try await session.waitFor("local 127.0.0.1:\(mine)\n")
        await process.stop()
        #expect((try? await answer(port)) == nil)
        try await session.waitForErrors("clients are refused until something does (--local-fallback refuse)")
        #expect(pod.accepted == 0)
        #expect(try await session.end().status == 0)
    }

    @Test("What the command listens on serves, in place of a demo pod, with what it was started by looked at too")
    func command() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service(pods: [9]), to: "web.yaml")
        let (port, mine) = (try freePort(), try freePort())
        let program = try DevProcess.program()
        let session = try DevProcess([
            "-f", folder.path, "--publish", "web:80=\(port)", "--local", "web", "--demo-pods", "--", "sh", "-c",
            "\(program) demo-pod mine --port \(mine) & trap 'kill $!' TERM; wait",
        ])
        try await session.waitForErrors("waits for a port of sh, meanwhile 127.0.0.1:9")
        #expect(
            await eventually(within: .seconds(20)) { (try? await httpAnswer(port))?.hasSuffix("mine\n") == true })
        try await session.waitForErrors("default/web: 127.0.0.1:\(mine) has its clients from now on")
        session.child.signal(SIGTERM)
        _ = try await session.finished()
    }

    @Test("A command that listens on nothing is said after a while, and that its ports may be Portico's at once")
    func lateCommand() async throws {
        let folder = try TemporaryDirectory()
        let (name, port) = ("late-\(getpid())", try freePort())
        try folder.write(service(name, "ports: [{port: \(port)}]"), to: "late.yaml")
        let session = try DevProcess(["-f", folder.path, "--local", name, "--", "/bin/sleep", "60"])
        try await session.waitForErrors("waits for a port of sleep")
        try await session.waitForErrors("Portico has port \(port) at 127.")
        try await session.waitForErrors("--local \(name): sleep does not listen on any port so far")
        session.child.signal(SIGTERM)
        _ = try await session.finished()
    }

    @Test("A Service that is not there yet is taken up when it comes, a headless one too")
    func comesLater() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service("website"), to: "website.yaml")
        let process = try ScriptedServer.identity("mine")
        let session = try DevProcess([
            "-f", folder.path, "--local", "web=\(process.port)", "--output", "json",
        ])
        try await session.waitFor(#""event":"listening""#)
        let words = "--local web=\(process.port): there is no Service default/web (yet); there is default/website"
        try await session.waitForErrors(words)
        try await session.waitFor(words)
        try folder.write(service("web", "clusterIP: None, ports: [{port: 8095}]"), to: "web.yaml")
        try await session.waitFor(#""local":{"place":"127.0.0.1:\#(process.port)","serves":true}"#)
        try await session.waitForErrors("no longer: \(words)")
        let pattern = /default\/web".*?"addresses":\["(127[0-9.]+):([0-9]+)"/
        let (_, host, port) = try #require(session.child.output.firstMatch(of: pattern)).output
        let client = try ScriptedPeer.connect(
            to: try #require(UInt16(port)), on: String(host), script: [.receiveAll])
        #expect(try await client.finished().received.text == "mine")
        #expect(try await session.end().status == 0)
    }

    @Test("What cannot be done as it was asked for is a failure, unless the rest is to be served")
    func mistakes() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(
            service("web", "ports: [{name: http, port: 80}, {name: grpc, port: 9090}]"), to: "web.yaml")
        let cases = [
            (
                ["--local", "web=3000"],
                "--local web=3000: the Service has several ports, 9090/tcp (grpc), 80/tcp (http): name one, as in "
                    + "--local web:grpc=3000"
            ),
            (["--local", "web:x=3000"], "--local web:x=3000: the Service has no such port"),
            (["--service", "web:80=127.0.0.1:9"], "say --local default/web=HOST:PORT"),
            (["--publish", "web:81=0"], "--publish default/web:81: the Service has no such port"),
        ]
        for (arguments, words) in cases {
            let result = try await DevProcess(["-f", folder.path] + arguments).finished()
            #expect(result.status == 1 && result.errors.contains(words), "\(result.errors)")
            #expect(result.errors.contains("--keep-going"))
            let session = try DevProcess(["-f", folder.path, "--keep-going"] + arguments)
            try await session.waitFor(" served.")
            try await session.waitForErrors(words)
            #expect(try await session.end().status == 0)
        }
    }
}
