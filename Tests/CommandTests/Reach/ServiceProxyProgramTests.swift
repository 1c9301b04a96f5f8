import APITestSupport
import Glibc
import TestSupport
import Testing

/// `portico proxy` answering for Services itself, by tunnels.
@Suite("Services by the API proxy", .timeLimit(.minutes(2))) struct ServiceProxyProgramTests {
    private func proxy(_ cluster: TunnelCluster, _ arguments: String...) async throws -> (ChildProcess, UInt16) {
        let child = try ChildProcess(
            try DevProcess.program(), ["proxy", "--port", "0", "--kubeconfig", cluster.kubeconfig] + arguments)
        child.closeInput()
        await child.waitFor("Starting to serve on 127.0.0.1:")
        let line = try #require(child.output.split(separator: "\n").first)
        return (child, try #require(line.split(separator: ":").last.flatMap { UInt16($0) }))
    }

    private func ask(
        _ port: UInt16, _ path: String, method: String = "GET", body: String = ""
    ) async throws -> String {
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        let request =
            "\(method) \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n\(length)Connection: close\r\n\r\n\(body)"
        return try await ScriptedPeer.connect(to: port, script: [.send(request), .receiveAll]).report().received.text
    }

    @Test("Pods answer in turn, one that refuses is passed over, and none is said as an API server says it")
    func services() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: ["web-1", "web-2"])
        let pods = [try ScriptedServer.http("one"), try ScriptedServer.http("two")]
        cluster.pods.play("web-1", 8080, .splice(pods[0].port))
        cluster.pods.play("web-2", 8080, .splice(pods[1].port))
        let (child, port) = try await proxy(cluster, "--service-proxy", "portico")
        let path = "/api/v1/namespaces/shop/services/web/proxy/"
        var bodies: [String: Int] = [:]
        for _ in 0..<4 {
            let answer = try await ask(port, path)
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
            bodies[String(answer.suffix(3)), default: 0] += 1
        }
        #expect(bodies == ["one": 2, "two": 2])
        #expect(try await ask(port, "/services/web:80/proxy/").hasPrefix("HTTP/1.1 200"))
        cluster.pods.play("web-1", 8080, .refusal)
        for _ in 0..<4 { #expect(try await ask(port, path).hasSuffix("two")) }
        // Nothing of it has reached a pod that refuses, so that another may have it.
        for _ in 0..<4 { #expect(try await ask(port, path, method: "POST", body: "a=b").hasSuffix("two")) }
        cluster.put(endpoints: [])
        #expect(
            await eventually(within: .seconds(20)) {
                (try? await ask(port, path))?.contains(#"no endpoints available for service \"web\""#) == true
            })
        #expect(
            try await ask(port, "/services/web:81/proxy/").contains(#"no service port 81 found for service \"web\""#))
        cluster.api.on(
            "GET", "/api/v1/namespaces/shop/services/nope",
            .status(404, reason: "NotFound", message: #"services \"nope\" not found"#))
        #expect(try await ask(port, "/services/nope/proxy/").hasPrefix("HTTP/1.1 404"))
        child.signal(SIGINT)
        #expect(try await child.finished().status == 0)
    }

    @Test(
        "Another user of the machine is told that it is not for them, and is served with --share",
        .requires(.root, .tool("setpriv"), .tool("curl")))
    func otherUser() async throws {
        let cluster = try await TunnelCluster()
        cluster.api.on("GET", "/version", .answer(200, "1.36"))
        for shares in [false, true] {
            let (child, port) = try await proxy(cluster, shares ? "--share" : "--service-proxy=server")
            let result = try await runAsOrdinaryUser(
                "/usr/bin/curl", ["-sS", "-m", "10", "http://127.0.0.1:\(port)/version"])
            #expect(result.output.hasPrefix(shares ? "1.36" : "Forbidden: this proxy serves programs of user"))
            child.signal(SIGINT)
            #expect(try await child.finished().status == 0)
        }
    }
}
