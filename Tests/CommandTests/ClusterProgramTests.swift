import APITestSupport
import Glibc
import TestSupport
import Testing

/// `portico dev` and `portico daemon` with a cluster's API server, run as a user runs them.
@Suite("Programs that follow a cluster", .timeLimit(.minutes(2))) struct ClusterProgramTests {
    /// A cluster with one Service, `shop/web`.
    private final class Cluster {
        let server: ScriptedAPIServer
        let services = ObjectShelf("v1", "Service", at: "/api/v1/services")
        let slices = ObjectShelf("discovery.k8s.io/v1", "EndpointSlice", at: "/apis/discovery.k8s.io/v1/endpointslices")
        let nodes = ObjectShelf("v1", "Node", at: "/api/v1/nodes")
        let folder: TemporaryDirectory

        /// - Parameter port: of an earlier server, to come back where that was.
        init() async throws {
            let authority = try await TestAuthority()
            server = try await ScriptedAPIServer(identity: try await authority.server())
            folder = try TemporaryDirectory()
            for shelf in [services, slices, nodes] { server.serve(shelf) }
            try folder.write(String(decoding: authority.certificate, as: UTF8.self), to: "ca.pem")
            try folder.write(
                """
                apiVersion: v1
                kind: Config
                clusters: [{name: c, cluster: {server: "https://127.0.0.1:\(server.port)", certificate-authority: ca.pem}}]
                users: [{name: u, user: {token: secret}}]
                contexts: [{name: x, context: {cluster: c, user: u}}]
                current-context: x

                """, to: "config")
        }

        var kubeconfig: String { folder.file("config") }

        func put(service spec: String, status: String = "{}") {
            services.put("shop/web") { version in
                #"{"metadata":{"name":"web","namespace":"shop","uid":"s-1","resourceVersion":"\#(version)"},"#
                    + #""spec":\#(spec),"status":\#(status)}"#
            }
        }

        /// The Node that daemons are.
        func put(node spec: String = "{}", address: String = "127.0.0.1", metadata: String = "") {
            nodes.put("node1") { version in
                #"{"metadata":{"name":"node1","uid":"n-1","resourceVersion":"\#(version)"\#(metadata)},"spec":\#(spec),"#
                    + #""status":{"addresses":[{"type":"InternalIP","address":"\#(address)"}]}}"#
            }
        }

        /// A daemon that leaves the machine's firewall and settings alone.
        func daemon(_ arguments: String...) throws -> ChildProcess {
            let daemon = try ChildProcess(
                try DevProcess.program(),
                [
                    "daemon", "--kubeconfig", kubeconfig, "--hostname-override", "node1", "--redirect", "none",
                    "--kernel-root", folder.path, "--output", "json",
                ] + arguments)
            daemon.closeInput()
            return daemon
        }

        /// The bodies of events that have been written, as far as they have this text.
        func events(_ text: String) -> [String] {
            server.requests.filter { $0.method == "POST" && $0.path.hasSuffix("/events") }
                .map { String(decoding: $0.body, as: UTF8.self) }.filter { $0.contains(text) }
        }

        /// The endpoints of the Service: ports of this machine.
        func put(endpoints ports: [UInt16]) {
            for (index, port) in ports.enumerated() {
                slices.put("shop/web-\(index)") { version in
                    #"{"metadata":{"name":"web-\#(index)","namespace":"shop","resourceVersion":"\#(version)","#
                        + #""labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","#
                        + #""ports":[{"name":"","port":\#(port),"protocol":"TCP"}],"#
                        + #""endpoints":[{"addresses":["127.0.0.1"],"conditions":{"ready":true}}]}"#
                }
            }
        }
    }

    private static let plain = #"{"ports":[{"port":80,"protocol":"TCP"}]}"#

    private func answer(_ port: UInt16) async throws -> String {
        try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished().received.text
    }

    @Test("The Services of a cluster answer here, changes are followed, and what was known stays when the server goes")
    func development() async throws {
        let (old, new) = (try ScriptedServer.identity("old"), try ScriptedServer.identity("new"))
        let cluster = try await Cluster()
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
        let cluster = try await Cluster()
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

    @Test("Health is answered while the API server does not answer yet", .requires(.root))
    func healthBeforeTheFirstList() async throws {
        let (cluster, port) = (try await Cluster(), try freePort())
        cluster.server.forgetScripts()
        for shelf in [cluster.services, cluster.slices, cluster.nodes] {
            cluster.server.on("GET", shelf.path, .status(503, reason: "ServiceUnavailable", message: "not yet"))
        }
        let daemon = try ChildProcess(
            try DevProcess.program(),
            [
                "daemon", "--kubeconfig", cluster.kubeconfig, "--hostname-override", "node1", "--redirect", "none",
                "--healthz-bind-address", "127.0.0.1:\(port)", "--kernel-root", cluster.folder.path,
            ])
        daemon.closeInput()
        defer { daemon.signal(SIGKILL) }
        func ask(_ path: String) async throws -> String {
            let request = "GET \(path) HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"
            return try await ScriptedPeer.connect(to: port, script: [.send(request), .receiveAll])
                .finished().received.text
        }
        #expect(await eventually(within: .seconds(30)) { (try? await ask("/livez"))?.contains(" 200 ") == true })
        #expect(await eventually(within: .seconds(30)) { (try? await ask("/healthz"))?.contains("not yet") == true })
        let early = try await ask("/healthz")
        #expect(early.contains(" 503 ") && early.contains(#""synced":false"#), "\(early)")

        cluster.nodes.put("node1") { #"{"metadata":{"name":"node1","resourceVersion":"\#($0)"}}"# }
        cluster.server.forgetScripts()
        for shelf in [cluster.services, cluster.slices, cluster.nodes] { cluster.server.serve(shelf) }
        #expect(await eventually(within: .seconds(60)) { (try? await ask("/healthz"))?.contains(" 200 ") == true })
        #expect(try await ask("/healthz").contains("synced") == false)
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
    }

    @Test(
        "A cluster without a Service, whose Node may not be read, is waited for, and ports to listen on are kept from clients",
        .requires(.root))
    func emptyCluster() async throws {
        let cluster = try await Cluster()
        cluster.server.forgetScripts()
        for shelf in [cluster.services, cluster.slices] { cluster.server.serve(shelf) }
        cluster.server.on(
            "GET", "/api/v1/nodes", .status(403, reason: "Forbidden", message: "nodes is forbidden"))
        let reserved = "proc/sys/net/ipv4/ip_local_reserved_ports"
        try cluster.folder.write("1024\t65535\n", to: "proc/sys/net/ipv4/ip_local_port_range")
        try cluster.folder.write("8080\n", to: reserved)
        let daemon = try ChildProcess(
            try DevProcess.program(),
            [
                "daemon", "--kubeconfig", cluster.kubeconfig, "--hostname-override", "node1", "--redirect", "none",
                "--healthz-bind-address=", "--kernel-root", cluster.folder.path, "--output", "json",
            ])
        daemon.closeInput()
        defer { daemon.signal(SIGKILL) }
        #expect(await eventually(within: .seconds(30)) { daemon.output.contains(#""event":"listening""#) })
        #expect(daemon.errors.contains("nodes"), "what may not be read is told: \(daemon.errors)")
        let kept = String(decoding: try contents(of: cluster.folder.file(reserved)), as: UTF8.self)
        #expect(kept == "8080,30000-32767", "\(kept)")
        let (pod, port) = (try ScriptedServer.identity("pod"), try freePort())
        cluster.put(endpoints: [pod.port])
        cluster.put(
            service:
                #"{"ports":[{"port":80,"protocol":"TCP","nodePort":\#(port)}],"type":"NodePort","clusterIP":"10.96.0.10"}"#
        )
        #expect(
            await eventually(within: .seconds(30)) { daemon.output.contains("\"services\":1") },
            "\(daemon.output) \(daemon.errors)")
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
    }

    @Test("A cluster is told that a daemon has begun, and what its operators would look for", .requires(.root))
    func events() async throws {
        let cluster = try await Cluster()
        for namespace in ["default", "shop"] {
            cluster.server.on("POST", "/apis/events.k8s.io/v1/namespaces/\(namespace)/events", .answer(201, "{}"))
        }
        cluster.put()
        // Whoever has a port of all addresses has it also of one.
        let (taken, health) = (try ScriptedServer.identity("other"), try ScriptedServer.identity("other"))
        cluster.put(
            service: #"{"type":"NodePort","clusterIP":"10.96.0.10","externalIPs":["8.8.8.8"],"#
                + #""ports":[{"port":80,"protocol":"TCP","nodePort":\#(taken.port)}]}"#)
        let daemon = try cluster.daemon(
            "--healthz-bind-address=127.0.0.1:\(health.port)", "--allowed-external-ips=203.0.113.0/24",
            "--nodeport-addresses=127.0.0.0/8")
        defer { daemon.signal(SIGKILL) }
        #expect(
            await eventually(within: .seconds(30)) {
                ["Starting", "FailedToOpenPort", "NotServedAsWritten", "FailedToStartProxierHealthcheck"].allSatisfy {
                    cluster.events(#""reason":"\#($0)""#).count == 1
                }
            }, "\(cluster.events("")) \(daemon.errors)")
        let start = try #require(cluster.events("Starting").first)
        #expect(start.contains(#""type":"Normal""#) && start.contains(#""action":"StartKubeProxy""#))
        #expect(start.contains(#""regarding":{"apiVersion":"v1","kind":"Node","name":"node1","uid":"node1"}"#))
        #expect(start.contains(#""reportingController":"portico","reportingInstance":"portico-node1""#))
        for reason in ["FailedToOpenPort", "NotServedAsWritten"] {
            #expect(
                cluster.events(reason).first?.contains(
                    #""regarding":{"apiVersion":"v1","kind":"Service","name":"web","namespace":"shop","uid":"s-1"}"#)
                    == true)
        }
        #expect(cluster.events("NotServedAsWritten").first?.contains("external IP 8.8.8.8 is refused") == true)
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
    }

    @Test("A cluster that takes no events is served all the same, and that is said once", .requires(.root))
    func noEvents() async throws {
        let cluster = try await Cluster()
        cluster.put()
        cluster.put(
            service: #"{"clusterIP":"10.96.0.10","externalIPs":["127.0.0.1","203.0.113.7"],"#
                + #""ports":[{"port":80,"protocol":"TCP"}]}"#)
        let daemon = try cluster.daemon("--healthz-bind-address=")
        defer { daemon.signal(SIGKILL) }
        #expect(await eventually(within: .seconds(30)) { daemon.output.contains(#""event":"listening""#) })
        #expect(
            await eventually { cluster.events("").count >= 2 && daemon.errors.contains("events cannot be written") })
        cluster.put(
            service: #"{"clusterIP":"10.96.0.10","ports":[{"name":"a","port":80,"protocol":"TCP"},"#
                + #"{"name":"b","port":81,"protocol":"TCP"}]}"#)
        #expect(await eventually(within: .seconds(30)) { daemon.output.contains(#""servicePorts":2"#) })
        daemon.signal(SIGTERM)
        let result = try await daemon.finished()
        #expect(result.status == 0)
        #expect(result.errors.ranges(of: "events cannot be written").count == 1)
        #expect(result.errors.ranges(of: "--allowed-external-ips says which may be").count == 1, "\(result.errors)")
    }

    @Test("/healthz follows the Node: deleted, about to be, gone, back", .requires(.root, .tool("curl")))
    func eligibility() async throws {
        let cluster = try await Cluster()
        cluster.put(service: #"{"clusterIP":"10.96.0.10","ports":[{"port":80,"protocol":"TCP"}]}"#)
        let port = try freePort()
        let daemon = try cluster.daemon("--healthz-bind-address=127.0.0.1:\(port)")
        defer { daemon.signal(SIGKILL) }
        func health(_ path: String) async throws -> String {
            let curl = try ChildProcess(
                try #require(findProgram("curl")),
                ["-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)/\(path)"])
            return try await curl.finished().output
        }
        func becomes(_ code: String) async throws -> Bool {
            try await eventually(within: .seconds(30), every: .milliseconds(50)) { try await health("healthz") == code }
        }
        #expect(try await becomes("503"), "a cluster that has no such Node")
        for (metadata, spec, code) in [
            ("", "{}", "200"), (#","deletionTimestamp":"2026-01-02T03:04:05Z""#, "{}", "503"), ("", "{}", "200"),
            ("", #"{"taints":[{"key":"ToBeDeletedByClusterAutoscaler","effect":"NoSchedule"}]}"#, "503"),
            ("", #"{"taints":[{"key":"example.com/other","effect":"NoSchedule"}]}"#, "200"),
        ] {
            cluster.put(node: spec, metadata: metadata)
            #expect(try await becomes(code), "\(metadata) \(spec)")
            #expect(try await health("livez") == "200")
        }
        cluster.nodes.remove("node1")
        #expect(try await becomes("503"))
        cluster.put()
        #expect(try await becomes("200"))
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
    }

    @Test(
        "Other addresses of the Node are told, and other ranges of its pods end a daemon that knows them by those",
        .requires(.root))
    func nodeChanges() async throws {
        let cluster = try await Cluster()
        cluster.put(node: #"{"podCIDRs":["10.244.1.0/24"]}"#)
        cluster.put(
            service: #"{"clusterIP":"10.96.0.10","ports":[{"port":80,"protocol":"TCP"}]}"#)
        let daemon = try cluster.daemon("--healthz-bind-address=", "--detect-local-mode=NodeCIDR")
        defer { daemon.signal(SIGKILL) }
        #expect(await eventually(within: .seconds(30)) { daemon.output.contains(#""event":"listening""#) })
        cluster.put(node: #"{"podCIDRs":["10.244.1.0/24"]}"#, address: "127.0.0.2")
        #expect(
            await eventually(within: .seconds(30)) {
                daemon.errors.contains("the addresses of Node node1 are 127.0.0.2 now and were 127.0.0.1")
            })
        #expect(!daemon.output.contains(#""event":"summary""#), "it goes on")
        cluster.put(node: #"{"podCIDRs":["10.244.2.0/24"]}"#, address: "127.0.0.2")
        let result = try await daemon.finished()
        #expect(result.status == 1)
        #expect(
            result.errors.ranges(of: "the podCIDRs of Node node1 are 10.244.2.0/24 now and were 10.244.1.0/24").count
                == 1,
            "\(result.errors)")
        #expect(result.output.contains(#""event":"summary""#), "in an orderly way")
    }

    @Test("Pods that cannot be reached from here are said once for a Service, in JSON too, until they can be")
    func unreachablePods() async throws {
        let cluster = try await Cluster()
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

    @Test(
        "A daemon does not depend on a cluster IP that it captures itself",
        .requires(.root, .tool("iptables")))
    func independence() async throws {
        let cluster = try await Cluster()
        let port = cluster.server.port
        cluster.put(
            service: #"{"ports":[{"port":\#(port),"protocol":"TCP"}],"clusterIP":"127.0.0.1"}"#)
        // Kernel settings are written somewhere else, and nothing is applied before the refusal.
        let arguments = [
            "daemon", "--kubeconfig", cluster.kubeconfig, "--hostname-override", "node1", "--healthz-bind-address=",
            "--kernel-root", cluster.folder.path,
        ]
        let daemon = try ChildProcess(try DevProcess.program(), arguments)
        daemon.closeInput()
        let result = try await daemon.finished()
        #expect(result.status == 1)
        #expect(
            result.errors.contains(
                "the API server's address 127.0.0.1:\(port) is one of the Service shop/web, which this proxy serves"),
            "\(result.errors)")
    }
}
