import APITestSupport
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// What deploy/ renders, run on a node: by the DaemonSet's own arguments, configuration, capabilities and mounts.
@Suite(
    "What is deployed", Lab.requirements,
    .requires(.mountNamespaces, .processNamespaces, .tool("setpriv"), .tool("bash"), .tool("ldd"), .tool("curl")),
    .serialized, .timeLimit(.minutes(4)))
struct DeployTests {
    private static let rendered = ["kustomize.yaml", "helm.yaml"]

    /// A node with a Service, and pods that are to serve it.
    private func run(_ rendered: String, _ body: (Lab, PodRunner) async throws -> Void) async throws {
        try await Lab.run(.apiServer, daemons: []) { lab in
            let cluster = try lab.cluster
            for namespace in ["default", "kube-system"] {
                cluster.server.on("POST", "/apis/events.k8s.io/v1/namespaces/\(namespace)/events", .answer(201, "{}"))
            }
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            try await body(lab, try PodRunner(lab, on: "node1", rendered))
        }
    }

    private func becomesReady(_ pod: PodRunner.Pod) async throws -> Bool {
        try await eventually(within: .seconds(30), every: .milliseconds(50)) { try await pod.isReady() }
    }

    /// A line of what the kernel says about a process, such as `CapEff`.
    private func status(of process: Int32, _ field: String) throws -> String {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(field):") })
        return line.dropFirst(field.count + 1).trimmingCharacters(in: .whitespaces)
    }

    private func rules(_ lab: Lab) async throws -> String {
        try await lab.run(on: "node1", "(iptables-save; ip6tables-save) | grep -E '^(:|-A) ?(PORTICO|KUBE)' || true")
    }

    @Test("It serves with the rights that it is given and no others, and takes its rules away", arguments: rendered)
    func serves(rendered: String) async throws {
        try await run(rendered) { lab, runner in
            try await runner.initialize()
            #expect(try runner.kernelSetting("nf_conntrack_tcp_timeout_established") == "86400")
            #expect(Int(try runner.kernelSetting("nf_conntrack_max")) ?? 0 >= 131_072)
            #expect(Int(try runner.kernelSetting("hashsize")) ?? 0 >= 32_768)

            let pod = try await runner.start()
            #expect(try await becomesReady(pod), "\(pod.process.errors)")
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
            #expect(try await lab.ask(from: "node1", "10.100.0.1", 80, over: .udp) == .pod("nginx1"))
            #expect(pod.complaints == [], "nothing is missing")
            // NET_BIND_SERVICE, NET_ADMIN and NET_RAW.
            for field in ["CapEff", "CapPrm", "CapBnd"] {
                #expect(try status(of: pod.first, field) == "0000000000003400", "\(field)")
            }
            #expect(try status(of: pod.first, "NoNewPrivs") == "1")
            let live = try #require(runner.pod.containers.first?.livenessProbe?.httpGet)
            let answer = try await lab.run(
                on: "node1", "curl -s -w '%{http_code}' http://\(live.host):\(live.port)\(live.path)")
            #expect(answer.hasSuffix("200"), "\(answer)")

            #expect(try await rules(lab).contains("PORTICO"))
            pod.end()
            #expect(try await pod.process.finished().status == 0)
            #expect(try await rules(lab) == "", "nobody is led to where nobody is")
        }
    }

    @Test("A rollout: the new pod takes over, the old one is ended, and no connection fails", arguments: rendered)
    func rollout(rendered: String) async throws {
        try await run(rendered) { lab, runner in
            try await runner.initialize()
            let former = try await runner.start()
            #expect(try await becomesReady(former), "\(former.process.errors)")
            let rulesBefore = try await rules(lab)
            let load = Load()
            // Begun before, and not done when the old pod is told to end.
            let goOn = Cue()
            let begun = try await OwnResources.inNetwork(named: "\(lab.name)-client") {
                try ScriptedPeer.connect(
                    to: 80, on: "10.100.0.1",
                    script: [.send("GET / HTTP/1.0\r\nHost: a\r\n"), .wait(goOn), .send("\r\n"), .receiveAll])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for transport in Transport.allCases {
                    group.addTask { try await load.run(lab, from: "client", "10.100.0.1", 80, over: transport) }
                }
                group.addTask {
                    defer { load.stop() }
                    let next = try await runner.start()
                    #expect(try await becomesReady(next), "\(next.process.errors)")
                    // Or the controller would take the rollout for done, or the kubelet start it again.
                    #expect(try await !former.isReady())
                    #expect(!former.process.hasExited)
                    former.end()
                    goOn.give()
                    #expect(try await former.process.finished().status == 0, "\(former.process.errors)")
                    #expect(try await begun.finished().received.text.contains("nginx1"))
                    await load.goesOn(for: 100)
                    #expect(try await rules(lab) == rulesBefore, "no rule was touched")
                    #expect(next.complaints == [])

                    // One more, whose predecessor has nothing open: it stays all the same until it is told to end.
                    let last = try await runner.start()
                    #expect(try await becomesReady(last), "\(last.process.errors)")
                    #expect(try await !next.isReady())
                    #expect(await eventually { next.process.errors.contains("stays until a signal ends it") })
                    #expect(!next.process.hasExited)
                    next.end()
                    #expect(try await next.process.finished().status == 0)
                    #expect(try await last.isReady())
                }
                try await group.waitForAll()
            }
            print("a rollout: \(load.answered.load(ordering: .relaxed)) answers")
            #expect(load.failed.withLock { $0 } == [:], "of \(load.answered.load(ordering: .relaxed))")
        }
    }

    @Test("A new version that does not come to serve is not ready, whoever answers at its port, and the old one serves")
    func brokenVersion() async throws {
        try await run("kustomize.yaml") { lab, runner in
            try await runner.initialize()
            let former = try await runner.start()
            #expect(try await becomesReady(former), "\(former.process.errors)")
            // Nobody is there.
            let broken = try await runner.start(changing: ["--master=": "--master=https://127.0.0.1:1"])
            #expect(await eventually(within: .seconds(30)) { !broken.complaints.isEmpty }, "\(broken.process.errors)")
            #expect(try await !broken.isReady())
            let live = try #require(runner.pod.containers.first?.livenessProbe?.httpGet)
            let answer = try await lab.run(
                on: "node1", "curl -s -w '%{http_code}' http://\(live.host):\(live.port)/healthz")
            #expect(answer.hasSuffix("200"), "by HTTP it would be ready: \(answer)")
            broken.end()
            #expect(try await broken.process.finished().status == 0)
            #expect(try await former.isReady())
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
        }
    }

    @Test("Where the new pod dies, the old one, which stays, ends with a failure, to be started anew")
    func successorDies() async throws {
        try await run("kustomize.yaml") { lab, runner in
            try await runner.initialize()
            let former = try await runner.start()
            #expect(try await becomesReady(former), "\(former.process.errors)")
            let next = try await runner.start()
            #expect(try await becomesReady(next), "\(next.process.errors)")
            #expect(await eventually { former.process.errors.contains("stays until a signal ends it") })
            next.process.signal(SIGKILL)
            #expect(try await former.process.finished().status == 1, "\(former.process.errors)")
            let again = try await runner.start()
            #expect(try await becomesReady(again), "\(again.process.errors)")
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
        }
    }

    @Test("The cluster IP of the API server is refused, as a container finds it by itself")
    func clusterIP() async throws {
        try await run("kustomize.yaml") { lab, runner in
            let cluster = try lab.cluster
            cluster.put(
                "Service", "kubernetes",
                #"{"metadata":{"name":"kubernetes","namespace":"default"},"spec":{"clusterIP":"127.0.0.1","#
                    + #""ports":[{"name":"https","protocol":"TCP","port":6443}]}}"#)
            let pod = try await runner.start()
            let result = try await pod.process.finished()
            #expect(result.status == 1)
            #expect(result.errors.contains("which this proxy serves and so cannot depend on"), "\(result.errors)")
        }
    }
}
