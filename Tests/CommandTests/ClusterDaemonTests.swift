import APITestSupport
import Glibc
import TestSupport
import Testing

/// `portico daemon` with a cluster's API server, run as a user runs it.
@Suite("Daemons that follow a cluster", .timeLimit(.minutes(2))) struct ClusterDaemonTests {
    @Test("Health is answered while the API server does not answer yet", .requires(.root))
    func healthBeforeTheFirstList() async throws {
        let (cluster, port) = (try await ProgramCluster(), try freePort())
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
        func ask(_ path: String) async throws -> String { try await httpAnswer(port, path) }
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
        let cluster = try await ProgramCluster()
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
        await daemon.waitFor(#""event":"listening""#)
        await daemon.waitForErrors("nodes is forbidden")
        let kept = String(decoding: try contents(of: cluster.folder.file(reserved)), as: UTF8.self)
        #expect(kept == "8080,30000-32767", "\(kept)")
        let (pod, port) = (try ScriptedServer.identity("pod"), try freePort())
        cluster.put(endpoints: [pod.port])
        cluster.put(
            service:
                #"{"ports":[{"port":80,"protocol":"TCP","nodePort":\#(port)}],"type":"NodePort","clusterIP":"10.96.0.10"}"#
        )
        await daemon.waitFor("\"services\":1")
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
    }

    @Test("A cluster is told that a daemon has begun, and what its operators would look for", .requires(.root))
    func events() async throws {
        let cluster = try await ProgramCluster()
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
        let cluster = try await ProgramCluster()
        cluster.put()
        cluster.put(
            service: #"{"clusterIP":"10.96.0.10","externalIPs":["127.0.0.1","203.0.113.7"],"#
                + #""ports":[{"port":80,"protocol":"TCP"}]}"#)
        let daemon = try cluster.daemon("--healthz-bind-address=")
        defer { daemon.signal(SIGKILL) }
        await daemon.waitFor(#""event":"listening""#)
        #expect(
            await eventually { cluster.events("").count >= 2 && daemon.errors.contains("events cannot be written") })
        cluster.put(
            service: #"{"clusterIP":"10.96.0.10","ports":[{"name":"a","port":80,"protocol":"TCP"},"#
                + #"{"name":"b","port":81,"protocol":"TCP"}]}"#)
        await daemon.waitFor(#""servicePorts":2"#)
        daemon.signal(SIGTERM)
        let result = try await daemon.finished()
        #expect(result.status == 0)
        #expect(result.errors.ranges(of: "events cannot be written").count == 1)
        #expect(result.errors.ranges(of: "--allowed-external-ips says which may be").count == 1, "\(result.errors)")
    }

    @Test("/healthz follows the Node: deleted, about to be, gone, back", .requires(.root, .tool("curl")))
    func eligibility() async throws {
        let cluster = try await ProgramCluster()
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
        let cluster = try await ProgramCluster()
        cluster.put(node: #"{"podCIDRs":["10.244.1.0/24"]}"#)
        cluster.put(
            service: #"{"clusterIP":"10.96.0.10","ports":[{"port":80,"protocol":"TCP"}]}"#)
        let daemon = try cluster.daemon("--healthz-bind-address=", "--detect-local-mode=NodeCIDR")
        defer { daemon.signal(SIGKILL) }
        await daemon.waitFor(#""event":"listening""#)
        cluster.put(node: #"{"podCIDRs":["10.244.1.0/24"]}"#, address: "127.0.0.2")
        await daemon.waitForErrors("the addresses of Node node1 are 127.0.0.2 now and were 127.0.0.1")
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

    @Test(
        "A daemon does not depend on a cluster IP that it captures itself",
        .requires(.root, .tool("iptables")))
    func independence() async throws {
        let cluster = try await ProgramCluster()
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
