import Glibc
import TestSupport
import Testing

/// `portico demo-pod`, run as a user runs it.
@Suite("A pod that is played", .timeLimit(.minutes(2))) struct DemoPodProgramTests {
    private func start(_ arguments: String...) throws -> ChildProcess {
        let pod = try ChildProcess(try DevProcess.program(), ["demo-pod"] + arguments)
        pod.closeInput()
        return pod
    }

    @Test("It answers with its name on each port, over UDP and IPv6 too, until a signal", .requires(.ipv6Loopback))
    func answers() async throws {
        let (first, second) = (try freePort(), try freePort())
        let pod = try start("web-1", "--port", "\(first)", "--port", "\(second)")
        defer { pod.signal(SIGKILL) }
        #expect(await eventually(within: .seconds(30)) { pod.output == "web-1 answers. Ctrl-C ends it.\n" })
        for port in [first, second] {
            let answer = try await httpAnswer(port)
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("web-1"), "\(answer)")
        }
        #expect(try await httpAnswer(first, on: "::1").contains("web-1"))
        #expect(try await httpAnswer(first, "/client").contains("127.0.0.1"))
        #expect(try await UDPClient(to: second).ask("who?")?.contains("web-1") == true)
        pod.signal(SIGTERM)
        let result = try await pod.finished()
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    }

    @Test("It plays a cluster's DNS server for manifests, headless Services aside", .requires(.tool("dig")))
    func dns() async throws {
        let (folder, port) = (try TemporaryDirectory(), try freePort())
        try folder.write(
            """
            {kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.96.0.7, ports: [{name: http, port: 80}]}}
            ---
            {kind: Service, metadata: {name: db}, spec: {clusterIP: None, ports: [{port: 80}]}}

            """, to: "services.yaml")
        let pod = try start("coredns", "--dns", "127.0.0.1:\(port)", "-f", folder.path, "--output", "json")
        defer { pod.signal(SIGKILL) }
        #expect(
            await eventually(within: .seconds(30)) { pod.output == #"{"event":"listening","pod":"coredns"}"# + "\n" },
            "\(pod.errors)")
        #expect(try await Dig.ask(["web.shop.svc.cluster.local"], port: port).values == ["10.96.0.7"])
        let location = try await Dig.ask(["_http._tcp.web.shop.svc.cluster.local", "SRV"], port: port)
        #expect(location.answers.first?.hasSuffix("IN SRV 0 0 80 web.shop.svc.cluster.local.") == true)
        #expect(try await Dig.ask(["db.default.svc.cluster.local"], port: port).status == "NXDOMAIN")
        pod.signal(SIGINT)
        #expect(try await pod.finished().status == 0)
    }

    @Test("What it cannot do is one line, and nothing is played")
    func mistakes() async throws {
        let nothing = try await start("web").finished()
        #expect(nothing.status == 64)
        #expect(
            nothing.errors
                == "portico: nothing to answer: name a --port, or --dns; see 'portico demo-pod --help'\n")
        let taken = try ScriptedServer.identity("other")
        let result = try await start("web", "--port", "\(taken.port)").finished()
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.contains("0.0.0.0:\(taken.port): Address already in use"), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }
}
