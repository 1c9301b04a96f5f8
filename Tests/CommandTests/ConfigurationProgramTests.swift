import APITestSupport
import Glibc
import TestSupport
import Testing

/// `portico daemon --config`, run as a user runs it.
@Suite("A daemon with a configuration file", .timeLimit(.minutes(2))) struct ConfigurationProgramTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec: {ports: [{port: 80}], clusterIP: 10.96.0.10}

            """, to: "service.yaml")
    }

    /// As a whole: a daemon may look at any moment.
    private func configure(_ text: String) throws {
        try folder.replace(
            "config.conf",
            with: "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n\(text)\n")
    }

    private func daemon(_ arguments: [String] = []) throws -> ChildProcess {
        let daemon = try ChildProcess(
            try DevProcess.program(),
            ["daemon", "-f", folder.file("service.yaml"), "--config", folder.file("config.conf"), "--redirect", "none"]
                + ["--healthz-bind-address=", "--kernel-root", folder.path, "--output", "json"] + arguments)
        daemon.closeInput()
        return daemon
    }

    @Test("A changed file has it start anew in the same process; one that says the same, or is wrong, has not")
    func changes() async throws {
        try configure("mode: userspace\nhostnameOverride: first")
        let daemon = try daemon()
        defer { daemon.signal(SIGKILL) }
        let serving = #""event":"listening""#
        await daemon.waitFor(serving)
        #expect(daemon.output.contains(#""node":"first""#), "\(daemon.output)")

        try configure("mode: userspace\nhostnameOverride: second\noomScoreAdj: 5000")
        await daemon.waitForErrors("oomScoreAdj")
        await daemon.waitForErrors("the configuration of the start stays in use")
        // That the mistake is over shows that this was seen.
        try configure("# in other words\nmode: userspace\nhostnameOverride: \"first\"")
        await daemon.waitForErrors("no longer: ")
        folder.remove("config.conf")
        await daemon.waitForErrors("config.conf: No such file or directory")
        #expect(!daemon.errors.contains("starting anew"))

        try configure("mode: userspace\nhostnameOverride: second")
        await daemon.waitFor(#""node":"second""#)
        let name = String(decoding: try contents(of: "/proc/\(daemon.pid)/comm"), as: UTF8.self)
        #expect(name == "portico\n", "as ps and top show it")
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0, "it is the same process, and deals with signals")
    }

    /// A daemon with a node port whose clients wait for an endpoint, and one of them.
    ///
    /// - Parameter leave: has the client go.
    private func waitingClient(
        _ arguments: String..., until leave: Cue
    ) async throws -> (daemon: ChildProcess, client: ScriptedPeer) {
        let port = try freePort()
        try folder.write(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: web, annotations: {portico.dev/hold-seconds: "600"}}
            spec: {type: NodePort, ports: [{port: 80, nodePort: \(port)}], clusterIP: 10.96.0.10}

            """, to: "service.yaml")
        try configure("hostnameOverride: first")
        let daemon = try daemon(arguments)
        await daemon.waitFor(#""node":"first""#)
        let client = try ScriptedPeer.connect(to: port, script: [.wait(leave)])
        await daemon.waitForErrors("a client is waiting for an endpoint")
        return (daemon, client)
    }

    @Test("It starts anew once no connection is open, and not at all if the file asks again for what it did")
    func openConnections() async throws {
        let leave = Cue()
        let (daemon, client) = try await waitingClient("--drain-timeout=10m", until: leave)
        defer { daemon.signal(SIGKILL) }
        func told(_ text: String, times: Int = 1) async -> Bool {
            await eventually(within: .seconds(30)) { daemon.errors.ranges(of: text).count == times }
        }
        let waits = "starting anew when no connection is open"
        try configure("hostnameOverride: second")
        #expect(await told(waits), "\(daemon.errors)")
        try configure("hostnameOverride: first # again")
        #expect(await told("not starting anew after all"), "\(daemon.errors)")
        #expect(!daemon.output.contains(#""node":"second""#) && !daemon.output.contains(#""event":"summary""#))
        try configure("hostnameOverride: second")
        #expect(await told(waits, times: 2), "\(daemon.errors)")
        leave.give()
        await daemon.waitFor(#""node":"second""#)
        _ = await client.report()
        daemon.signal(SIGTERM)
        let result = try await daemon.finished()
        #expect(result.status == 0)
        #expect(result.errors.ranges(of: "not starting anew after all").count == 1, "\(result.errors)")
    }

    @Test("Connections that stay are not waited for beyond --drain-timeout")
    func lastingConnections() async throws {
        let leave = Cue()
        let (daemon, client) = try await waitingClient("--drain-timeout=500ms", until: leave)
        defer { daemon.signal(SIGKILL) }
        try configure("hostnameOverride: second")
        await daemon.waitFor(#""node":"second""#)
        leave.give()
        _ = await client.report()
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
    }

    @Test("While nothing is served, as before an API server that does not answer, it starts anew at once")
    func early() async throws {
        let cluster = try await ProgramCluster()
        cluster.put()
        cluster.put(service: #"{"clusterIP":"10.96.0.10","ports":[{"port":80,"protocol":"TCP"}]}"#)
        let silent = try ScriptedServer(script: [.receiveAll])
        let silentConfig = try folder.write(
            """
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "http://127.0.0.1:\(silent.port)"}}]
            contexts: [{name: x, context: {cluster: c}}]
            current-context: x

            """, to: "silent")
        try configure("clientConnection: {kubeconfig: \(silentConfig)}")
        let daemon = try ChildProcess(
            try DevProcess.program(),
            ["daemon", "--config", folder.file("config.conf"), "--hostname-override=node1", "--redirect", "none"]
                + ["--healthz-bind-address=", "--kernel-root", folder.path, "--output", "json"])
        daemon.closeInput()
        defer { daemon.signal(SIGKILL) }
        #expect(await eventually(within: .seconds(30)) { silent.accepted > 0 }, "\(daemon.errors)")
        try configure("clientConnection: {kubeconfig: \(folder.file("absent"))}")
        await daemon.waitForErrors("absent")
        #expect(!daemon.errors.contains("starting anew") && !daemon.hasExited)
        try configure("clientConnection: {kubeconfig: \(cluster.kubeconfig)}")
        await daemon.waitFor(#""event":"listening""#)
        await daemon.waitForErrors("the configuration has changed: starting anew")
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0, "it is the same process")
    }

    @Test("What is wrong with the file is said line by line, and nothing is started")
    func mistakes() async throws {
        try configure("mode: none\noomScoreAdj: 5000")
        let result = try await daemon().finished()
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").count == 2, "\(result.errors)")
        #expect(result.errors.hasPrefix("portico: \(folder.file("config.conf")):"))
    }

    @Test("portico check finds the same without serving anything")
    func check() async throws {
        try configure("mode: userspace\nnodePortAdresses: []")
        let right = try await ChildProcess(
            try DevProcess.program(),
            ["check", "--config", folder.file("config.conf"), "-f", folder.file("service.yaml")]
        ).finished()
        #expect(right.status == 0)
        #expect(right.errors.contains("config.conf:4: nodePortAdresses is not known"), "\(right.errors)")
        #expect(right.output.contains(" in 1 Service with"), "\(right.output)")
        try configure("mode: 1")
        let wrong = try await ChildProcess(
            try DevProcess.program(), ["check", "--config", folder.file("config.conf"), "--output", "json"]
        ).finished()
        #expect(wrong.status == 1)
        #expect(
            wrong.output.contains(#""severity":"error""#) && wrong.output.contains("mode: expected text"),
            "\(wrong.output)")
    }

    @Test("Only the kernel is set up, and what it refuses is a failure", .requires(.root))
    func initOnly() async throws {
        try folder.write("-1\n", to: "proc/self/oom_score_adj")
        let arguments = [
            "daemon", "--init-only", "--kernel-root", folder.path, "--conntrack-max-per-core=0", "--oom-score-adj=-7",
        ]
        let result = try await ChildProcess(try DevProcess.program(), arguments).finished()
        #expect(result.output.isEmpty)
        let score = String(decoding: try contents(of: folder.file("proc/self/oom_score_adj")), as: UTF8.self)
        #expect(score.hasPrefix("-7"), "\(result.errors)")
        #expect(result.status == (result.errors.isEmpty ? 0 : 1))
    }

    @Test("Where health checks cannot be answered it goes on, or ends if it is told to")
    func hardFail() async throws {
        try configure("mode: userspace")
        let taken = try ScriptedServer.identity("other")
        let arguments = ["--healthz-bind-address=127.0.0.1:\(taken.port)"]
        let lenient = try daemon(arguments)
        defer { lenient.signal(SIGKILL) }
        await lenient.waitFor(#""event":"listening""#)
        await lenient.waitForErrors("cannot answer health checks at 127.0.0.1:\(taken.port)")
        lenient.signal(SIGTERM)
        #expect(try await lenient.finished().status == 0)
        let strict = try await daemon(arguments + ["--bind-address-hard-fail=true"]).finished()
        #expect(strict.status == 1 && strict.errors.contains("(--bind-address-hard-fail)"), "\(strict.errors)")
    }
}
