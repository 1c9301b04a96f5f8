import APITestSupport
import Glibc
import TestSupport
import Testing

/// `portico forward`, run as a user runs it, against a cluster whose pods can be reached through its API server only.
@Suite("Forwarding", .timeLimit(.minutes(2))) struct ForwardProgramTests {
    private func ask(_ port: UInt16, _ text: String = "hello") async throws -> String {
        try await ScriptedPeer.connect(to: port, script: [.send(text), .shutdownWrite, .receiveAll]).finished().received
            .text
    }

    @Test("It prints what kubectl prints, carries connections to the pods in turn, and ends with 0 at Ctrl-C")
    func service() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: ["web-1", "web-2", "web-3"])
        for pod in ["web-1", "web-2", "web-3"] { cluster.pods.play(pod, 8080, .echo()) }
        let port = try freePort()
        let forward = try cluster.forward("service/web", "\(port):80")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        await forward.waitFor("Forwarding from [::1]:\(port) -> 8080\n")
        for number in 1...9 { #expect(try await ask(port, "hello \(number)") == "hello \(number)") }
        await forward.waitFor("Handling connection for \(port)\n")
        let streams = cluster.pods.notes.compactMap { if case .stream(let pod, 8080) = $0 { pod } else { nil } }
        #expect(Dictionary(grouping: streams, by: \.self).mapValues(\.count) == ["web-1": 3, "web-2": 3, "web-3": 3])
        forward.signal(SIGINT)
        let result = try await forward.finished()
        #expect(result.status == 0)
        #expect(result.output.split(separator: "\n").count { $0 == "Handling connection for \(port)" } == 9)
    }

    @Test("A pod that refuses costs no client anything while another one is there")
    func refusal() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: ["web-1", "web-2"])
        cluster.pods.play("web-1", 8080, .refusal)
        cluster.pods.play("web-2", 8080, .echo())
        let port = try freePort()
        let forward = try cluster.forward("svc/web", "\(port):80")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        for number in 1...20 { #expect(try await ask(port, "hello \(number)") == "hello \(number)") }
        // Nor is it the end if none is left.
        cluster.pods.play("web-2", 8080, .refusal)
        let lost = try await ScriptedPeer.connect(to: port, script: [.send("x"), .receiveReset]).finished()
        #expect(lost.sawReset)
        cluster.pods.play("web-1", 8080, .echo())
        #expect(await eventually(within: .seconds(20)) { (try? await ask(port)) == "hello" })
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
    }

    @Test("Pods come and go, and it stays")
    func podsComeAndGo() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: ["old"])
        cluster.pods.play("old", 8080, .source(3))
        cluster.pods.play("new", 8080, .echo())
        let port = try freePort()
        let forward = try cluster.forward("service/web", "\(port):80")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        cluster.put(endpoints: [])
        await forward.waitForErrors("has no pod that is ready any more")
        // Which it may be before it knows that it is connected.
        if let refused = try? await ScriptedPeer.connect(to: port, script: [.receiveReset]).report() {
            #expect(refused.sawReset)
        }
        cluster.put(endpoints: ["new"])
        #expect(await eventually(within: .seconds(20)) { (try? await ask(port)) == "hello" })
        forward.signal(SIGINT)
        let result = try await forward.finished()
        #expect(result.status == 0)
        #expect(result.output.split(separator: "\n").count { $0.hasPrefix("Forwarding from 127") } == 1)
        #expect(result.errors.split(separator: "\n").count { $0.hasSuffix("has a pod again") } == 1)
        #expect(!result.errors.contains("--local"), "what it advises it has to have")
    }

    @Test("A pod, with ports by number and name, one of them free")
    func pod() async throws {
        let cluster = try await TunnelCluster()
        cluster.put(pod: "web-0")
        cluster.pods.play("web-0", 8080, .echo())
        cluster.pods.play("web-0", 9090, .source(5))
        let port = try freePort()
        let forward = try cluster.forward("pod/web-0", "\(port):http", ":9090")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        await forward.waitFor(" -> 9090\n")
        #expect(try await ask(port) == "hello")
        let chosen = forward.output.split(separator: "\n").first { $0.hasSuffix("-> 9090") }
        let free = try #require(chosen?.split(separator: ":").last?.split(separator: " ").first.flatMap { UInt16($0) })
        #expect(forward.output.contains("Forwarding from [::1]:\(free) -> 9090"), "the same port for both addresses")
        let five = try await ScriptedPeer.connect(to: free, script: [.receiveAll]).finished()
        #expect(five.received.count == 5)
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
    }

    @Test("All pods of a Deployment, by their labels")
    func deployment() async throws {
        let cluster = try await TunnelCluster()
        cluster.api.on(
            "GET", "/apis/apps/v1/namespaces/shop/deployments/web",
            .answer(
                200,
                #"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"shop"},"spec":{"#
                    + #""selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"#
                    + #""spec":{"containers":[{"name":"c","ports":[{"name":"http","containerPort":8080}]}]}}}}"#))
        for (index, pod) in ["web-1", "web-2"].enumerated() {
            cluster.put(pod: pod, address: 10 + index)
            cluster.pods.play(pod, 8080, .echo())
        }
        let port = try freePort()
        let forward = try cluster.forward("deploy/web", "\(port):http")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        for _ in 0..<4 { #expect(try await ask(port) == "hello") }
        let pods = cluster.pods.notes.compactMap { if case .stream(let pod, _) = $0 { pod } else { nil } }
        #expect(Set(pods) == ["web-1", "web-2"])
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
    }

    @Test("A Service that goes and comes back is served again, by the name of its port")
    func comesBack() async throws {
        let cluster = try await TunnelCluster()
        cluster.put(service: #"[{"name":"http","port":80}]"#)
        cluster.put(endpoints: ["web-1"], name: "http")
        cluster.pods.play("web-1", 8080, .echo())
        let port = try freePort()
        let forward = try cluster.forward("svc/web", "\(port):http")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        cluster.services.remove("shop/web")
        await forward.waitForErrors("there is no such Service")
        cluster.put(service: #"[{"name":"http","port":8000}]"#)
        #expect(await eventually(within: .seconds(20)) { (try? await ask(port)) == "hello" })
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
    }

    @Test("A headless Service leads to its pods, too")
    func headless() async throws {
        let cluster = try await TunnelCluster()
        cluster.put(more: #","clusterIP":"None","clusterIPs":["None"]"#)
        cluster.put(endpoints: ["web-0"])
        cluster.pods.play("web-0", 8080, .echo())
        let port = try freePort()
        let forward = try cluster.forward("svc/web", "\(port):80")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        #expect(try await ask(port) == "hello")
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
    }

    @Test(
        "What is not there is said as kubectl says it, with status 1",
        arguments: [
            (["service/none", "80"], #"Error from server (NotFound): services "none" not found"#),
            (["pod/nope", "80"], #"Error from server (NotFound): pods "nope" not found"#),
            (["service/web", "999"], "Service web does not have a service port 999"),
            (["service/web", "x"], "Service 'web' does not have a named port 'x'"),
            (["service/web", "53"], "UDP protocol is not supported for 53"),
            (["pod/waiting", "80"], "unable to forward port because pod is not running. Current status=Pending"),
            (["pod/web-0", "nope"], "Pod 'web-0' does not have a named port 'nope'"),
        ])
    func mistakes(words: [String], answer: String) async throws {
        let cluster = try await TunnelCluster()
        cluster.put(service: #"[{"name":"http","port":80},{"name":"dns","port":53,"protocol":"UDP"}]"#)
        cluster.put(pod: "waiting", phase: "Pending")
        cluster.put(pod: "web-0")
        for (kind, name) in [("services", "none"), ("pods", "nope")] {
            cluster.api.on(
                "GET", "/api/v1/namespaces/shop/\(kind)/\(name)",
                .status(404, reason: "NotFound", message: #"\#(kind) \"\#(name)\" not found"#))
        }
        let child = try ChildProcess(
            try DevProcess.program(), ["forward"] + words + ["--kubeconfig", cluster.kubeconfig])
        child.closeInput()
        let result = try await child.finished()
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.contains(answer), "\(result.errors)")
    }

    @Test("Without a pod it waits as long as it was told, and ends with 1")
    func noPods() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: [])
        let result = try await cluster.forward("service/web", "0:80", "--pod-running-timeout", "1s").finished()
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.contains("timed out waiting for the condition"))
    }

    @Test("Who may look a Service up and not follow it gets the reason, and an end in time")
    func mayNotList() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.api.forgetScripts()
        cluster.api.on(
            "GET", "/api/v1/namespaces/shop/services/web",
            .answer(
                200,
                #"{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"shop"},"#
                    + #""spec":{"selector":{"app":"web"},"ports":[{"port":80}]}}"#))
        for path in [
            cluster.services.path, cluster.slices.path, "/api/v1/namespaces/shop/endpoints", cluster.podShelf.path,
        ] {
            cluster.api.on("GET", path, .status(403, reason: "Forbidden", message: #"User \"jane\" cannot list"#))
        }
        let result = try await cluster.forward("service/web", "0:80", "--pod-running-timeout", "2s").finished()
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.contains("may not list services in namespace shop"))
        #expect(result.errors.contains("timed out waiting for the condition"))
    }

    @Test(
        "Another user of the machine is not served, and is with --share",
        .requires(.root, .tool("setpriv"), .tool("curl")))
    func otherUser() async throws {
        let cluster = try await TunnelCluster()
        let web = try ScriptedServer.http("web")
        cluster.put()
        cluster.put(endpoints: ["web-1"])
        cluster.pods.play("web-1", 8080, .splice(web.port))
        for shares in [false, true] {
            let port = try freePort()
            let forward = try ChildProcess(
                try DevProcess.program(),
                ["forward", "svc/web", "\(port):80", "--kubeconfig", cluster.kubeconfig] + (shares ? ["--share"] : []))
            forward.closeInput()
            await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
            let result = try await runAsOrdinaryUser(
                "/usr/bin/curl", ["-sS", "-m", "10", "http://127.0.0.1:\(port)/"])
            #expect(result.output == (shares ? "web" : ""))
            if !shares { await forward.waitForErrors("a client of user \(OrdinaryUser.id) is refused") }
            forward.signal(SIGINT)
            #expect(try await forward.finished().status == 0)
        }
    }

    @Test("A port that somebody has is said; if none is left, it ends with 1")
    func portInUse() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: ["web-1"])
        cluster.pods.play("web-1", 8080, .echo())
        let (here, there) = (try ScriptedServer.echo(), try? ScriptedServer.echo(on: "::1"))
        let alone = try await cluster.forward(
            "service/web", "\(here.port):80", "--address", "127.0.0.1"
        ).finished()
        #expect(alone.status == 1)
        #expect(alone.errors.contains("Unable to listen on port \(here.port)"))
        #expect(alone.errors.contains("unable to listen on any of the requested ports: [{\(here.port) 8080}]"))
        let port = try freePort()
        let forward = try cluster.forward(
            "service/web", "\(here.port):80", "\(port):80", "--address", "127.0.0.1")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        #expect(try await ask(port) == "hello")
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
        _ = there
    }

    @Test("By the channels of a WebSocket where that is wanted, and what is no protocol is named")
    func channels() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        cluster.put(endpoints: ["web-1", "web-2"])
        cluster.pods.play("web-1", 8080, .refusal)
        cluster.pods.play("web-2", 8080, .source(300_000))
        let port = try freePort()
        let forward = try cluster.forward("svc/web", "\(port):80", "--tunnel-protocol", "channels")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        for _ in 1...4 {
            let client = try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished()
            #expect(client.received.count == 300_000)
        }
        let asked = cluster.pods.requests.filter { $0.path.hasSuffix("/portforward") }
        #expect(asked.allSatisfy { $0.header("sec-websocket-protocol") == PortForwardServer.channels })
        #expect(Set(asked.map { $0.path.split(separator: "/")[5] }) == ["web-1", "web-2"])
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)

        let wrong = try await cluster.forward("svc/web", "80", "--tunnel-protocol", "smoke").finished()
        #expect(wrong.status == 64 && wrong.errors.contains("'smoke' is none of auto, websocket, spdy and channels"))
    }

    @Test("portico dev reaches pods by tunnel where their addresses lead nowhere, and refuses UDP with a reason")
    func dev() async throws {
        let cluster = try await TunnelCluster()
        cluster.put(
            service: #"[{"name":"http","port":80,"targetPort":8080},{"name":"dns","port":53,"protocol":"UDP"}]"#)
        cluster.put(endpoints: ["web-1"], name: "http")
        cluster.pods.play("web-1", 8080, .echo())
        let port = try freePort()
        let session = try DevProcess([
            "--kubeconfig", cluster.kubeconfig, "-n", "shop", "--reach", "tunnel", "--publish", "web:80=\(port)",
        ])
        try await session.waitFor("Ready.")
        #expect(try await ask(port) == "hello")
        #expect(session.child.errors.contains("an API server carries TCP only"))
        #expect(try await session.end().status == 0)
    }
}
