import Glibc
import TestSupport
import Testing

/// `portico dev --socks`, run as a user runs it.
@Suite("A proxy by which Services have their names", .timeLimit(.minutes(3))) struct ForwardProxyProgramTests {
    private let manifests = """
        {kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.96.7.7, selector: {app: web},
         ports: [{name: http, port: 80, targetPort: 8080}, {name: admin, port: 9090}]}}
        ---
        {kind: Deployment, metadata: {name: web, namespace: shop}, spec: {selector: {matchLabels: {app: web}}, template:
         {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{containerPort: 8080}]}]}}}}
        ---
        {kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}}
        ---
        {kind: StatefulSet, metadata: {name: db, namespace: shop}, spec: {serviceName: db, selector: {matchLabels: {app: db}},
         template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, ports: [{containerPort: 5432}]}]}}}}
        ---
        {kind: Service, metadata: {name: nobody, namespace: shop}, spec: {ports: [{port: 80}]}}

        """

    private func start(_ arguments: String..., launcher: [String] = []) async throws -> (DevProcess, UInt16) {
        let folder = try TemporaryDirectory(readableByAll: true)
        try folder.write(manifests, to: "all.yaml")
        let line = ["-f", folder.path, "-n", "shop", "--demo-pods=missing", "--output", "json"] + arguments
        let process = try DevProcess(line + ["--socks", "0"], launcher: launcher)
        try await process.waitFor(#""event":"listening""#)
        let match = try #require(process.child.output.firstMatch(of: /"proxy":\["127\.0\.0\.1:([0-9]+)"/))
        return (process, try #require(UInt16(match.output.1)))
    }

    private func curl(_ arguments: String...) async throws -> ProgramResult {
        let child = try ChildProcess(try #require(findProgram("curl")), ["-sS", "-m", "10"] + arguments)
        child.closeInput()
        return try await child.finished()
    }

    /// What is sent through the proxy by CONNECT, and what comes back.
    private func ask(_ port: UInt16, _ target: String) async throws -> String {
        let script: [PeerStep] = [
            .send("CONNECT \(target) HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n"), .shutdownWrite, .receiveAll,
        ]
        return try await ScriptedPeer.connect(to: port, script: script).finished().received.text
    }

    @Test("curl, by SOCKS and as an HTTP proxy, by all names and by the cluster IP", .requires(.tool("curl")))
    func byCurl() async throws {
        let (process, port) = try await start()
        for host in ["web", "web.shop", "Web.Shop.SVC", "web.shop.svc.cluster.local", "10.96.7.7"] {
            for proxy in [
                ["--socks5-hostname", "127.0.0.1:\(port)"], ["-x", "127.0.0.1:\(port)"], ["-px", "127.0.0.1:\(port)"],
            ] {
                let result = try await curl(proxy[0], proxy[1], "http://\(host)/")
                #expect(result.status == 0 && result.output.hasPrefix("web-"), "\(host) \(proxy): \(result)")
            }
        }
        let refused = try await curl("-x", "http://127.0.0.1:\(port)", "http://web.shop:81/")
        #expect(refused.output == "portico: shop/web has no port 81; it has 9090/tcp (admin), 80/tcp (http)\n")
        // Its number for a host that this proxy may not lead to.
        let socks = try await curl("--socks5-hostname", "127.0.0.1:\(port)", "http://example.test/")
        #expect(socks.status == 97 && socks.errors.contains("(2)"), "\(socks)")
        _ = try await process.end()
    }

    @Test("Headless pods by name; what nobody serves, and what is no Service, is told apart")
    func kinds() async throws {
        let (process, port) = try await start()
        let established = "HTTP/1.1 200 Connection established\r\n\r\n"
        for target in ["db-0.db:5432", "db-0.db.shop.svc.cluster.local:5432", "db.shop:5432"] {
            let answer = try await ask(port, target)
            #expect(answer.hasPrefix(established) && answer.contains("db-0"), "\(target): \(answer)")
        }
        #expect(try await ask(port, "example.test:80").contains("--socks-open"))
        #expect(try await ask(port, "web.nowhere.svc:80").hasPrefix("HTTP/1.1 502 "))
        #expect(try await ask(port, "127.0.0.1:22").hasPrefix("HTTP/1.1 403 "))
        try await process.waitForErrors("--socks: 127.0.0.1:22: 127.0.0.1 is no address of a Service")
        let summary = try await process.end().output
        #expect(summary.contains(#""shop/db-0.db:5432""#))
    }

    @Test("What nobody serves is refused at once")
    func absent() async throws {
        let process = try DevProcess([
            "--service", "web:80=127.0.0.1:1", "--socks", "0", "--output", "json", "--local", "web=\(try freePort())",
            "--local-fallback", "refuse",
        ])
        try await process.waitFor(#""event":"listening""#)
        let match = try #require(process.child.output.firstMatch(of: /"proxy":\["127\.0\.0\.1:([0-9]+)"/))
        let answer = try await ask(try #require(UInt16(match.output.1)), "web:80")
        #expect(answer.hasPrefix("HTTP/1.1 503 "), "\(answer)")
        _ = try await process.end()
    }

    @Test("Where clients are to wait for an endpoint, they do")
    func held() async throws {
        let folder = try TemporaryDirectory()
        let server = try ScriptedServer.http("at last")
        let service = """
            {kind: Service, metadata: {name: web, annotations: {portico.dev/hold-seconds: "30"}}, spec: {ports: [{port: 80}]}}

            """
        try folder.write(service, to: "web.yaml")
        let process = try DevProcess(["-f", folder.path, "--socks", "0", "--output", "json"])
        try await process.waitFor(#""event":"listening""#)
        let match = try #require(process.child.output.firstMatch(of: /"proxy":\["127\.0\.0\.1:([0-9]+)"/))
        let port = try #require(UInt16(match.output.1))
        async let answer = ask(port, "web:80")
        try await process.waitForErrors("a client is waiting for an endpoint")
        let endpoints = """
            {kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{port: \(server.port)}]}]}

            """
        try folder.write(endpoints, to: "endpoints.yaml")
        #expect(try await answer.contains("at last"))
        _ = try await process.end()
    }

    @Test("With --socks-open other hosts are reached, too, and their names are looked up")
    func open() async throws {
        let server = try ScriptedServer.http("from outside")
        let (process, port) = try await start("--socks-open")
        for host in ["localhost", "127.0.0.1"] {
            let answer = try await ask(port, "\(host):\(server.port)")
            #expect(answer.contains("from outside"), "\(answer)")
        }
        #expect(try await ask(port, "no.such.host.invalid:80").hasPrefix("HTTP/1.1 502 "))
        #expect(try await ask(port, "web:80").contains("web-"))
        _ = try await process.end()
    }

    @Test("A Service that comes later is found, and one that goes is not")
    func changes() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(manifests, to: "all.yaml")
        let process = try DevProcess(["-f", folder.path, "--demo-pods", "--socks", "0", "--output", "json"])
        try await process.waitFor(#""event":"listening""#)
        let match = try #require(process.child.output.firstMatch(of: /"proxy":\["127\.0\.0\.1:([0-9]+)"/))
        let port = try #require(UInt16(match.output.1))
        #expect(try await ask(port, "web.shop:80").contains("web-"))
        try folder.write(
            manifests.replacing("name: web, namespace: shop", with: "name: new, namespace: shop"), to: "all.yaml")
        #expect(try await eventually(within: .seconds(20)) { try await ask(port, "new.shop:80").contains("200") })
        #expect(try await ask(port, "web.shop:80").hasPrefix("HTTP/1.1 403 "))
        _ = try await process.end()
    }

    @Test("Another user is not served, and is with --share", .requires(.root, .tool("setpriv"), .tool("curl")))
    func otherUser() async throws {
        let (process, port) = try await start()
        let arguments = ["-sS", "-m", "10", "--socks5-hostname", "127.0.0.1:\(port)", "http://web.shop/"]
        let refused = try await runAsOrdinaryUser("/usr/bin/curl", arguments)
        #expect(refused.status != 0 && refused.output.isEmpty)
        try await process.waitForErrors("a client of user \(OrdinaryUser.id) is refused")
        #expect(try await ask(port, "web:80").contains("web-"))
        _ = try await process.end()
        let (sharing, open) = try await start("--share")
        let served = try await runAsOrdinaryUser(
            "/usr/bin/curl", ["-sS", "-m", "10", "--socks5-hostname", "127.0.0.1:\(open)", "http://web.shop/"])
        #expect(served.output.hasPrefix("web-"), "\(served)")
        _ = try await sharing.end()
    }

    @Test("A password is read from a file", .requires(.tool("curl")))
    func password() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("ann:s3cret\n", to: "password")
        let (process, port) = try await start("--socks-password-file", folder.file("password"))
        let url = "http://web.shop/"
        for scheme in ["socks5h", "http"] {
            let right = try await curl("-x", "\(scheme)://ann:s3cret@127.0.0.1:\(port)", url)
            #expect(right.output.hasPrefix("web-"), "\(right)")
            let wrong = try await curl("-x", "\(scheme)://ann:secret@127.0.0.1:\(port)", url)
            #expect(!wrong.output.hasPrefix("web-"))
        }
        #expect(try await ask(port, "web:80").hasPrefix("HTTP/1.1 407 "))
        try await process.waitForErrors("has said a wrong password")
        _ = try await process.end()
        try folder.write("nothing", to: "password")
        let failed = try DevProcess([
            "--service", "a:1=127.0.0.1:9", "--socks", "0", "--socks-password-file", folder.file("password"),
        ])
        let result = try await failed.finished()
        #expect(result.status == 1 && result.errors.contains("expected one line, user:password"))
    }

    @Test("A port that somebody has is a failure at start")
    func taken() async throws {
        let holder = try ScriptedServer.echo()
        let process = try DevProcess(["--service", "a:1=127.0.0.1:9", "--socks", "\(holder.port)"])
        let result = try await process.finished()
        #expect(result.status == 1)
        #expect(
            result.errors.contains("portico: --socks: listen on 127.0.0.1:\(holder.port): Address already in use"),
            "\(result)")
    }

    @Test("With 96 descriptors in all it goes on serving, whatever clients do")
    func fewDescriptors() async throws {
        // Without those that other tests have open in this moment.
        let script = """
            for file in /proc/self/fd/*; do n=${file##*/}; if ((n > 2)); then eval "exec $n>&-"; fi; done
            ulimit -n 96 && exec "$0" "$@"
            """
        let (process, port) = try await start(launcher: ["bash", "-c", script])
        let silent = try (0..<100).map { _ in try ScriptedPeer.connect(to: port, script: [.receiveAll]) }
        let clients = try (0..<60).map { _ in
            try ScriptedPeer.connect(
                to: port,
                script: [.send("CONNECT web:80 HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n"), .shutdownWrite, .receiveAll])
        }
        for client in clients { _ = await client.report() }
        #expect(await eventually(within: .seconds(30)) { (try? await ask(port, "web:80"))?.contains("web-") == true })
        for client in silent { client.stop() }
        _ = try await process.end()
    }
}
