import Foundation
import TestSupport
import Testing

/// What a daemon does when its surroundings are not as they should be.
@Suite("A daemon and its surroundings", Lab.requirements, .serialized) struct LifeTests {
    private func web(_ more: Int = 0) -> String {
        var text =
            Manifest.service("web", clusterIPs: ["10.100.0.1", "fd00:100::1"], type: "NodePort", nodePort: 30_080)
            + Manifest.endpoints("web", [.nginx1])
        for number in 0..<more {
            text += "---\n" + Manifest.service("more\(number)", clusterIPs: ["10.100.1.\(number + 1)"])
        }
        return text
    }

    private func health(_ lab: Lab, _ path: String = "healthz") async throws -> String {
        try await lab.run(on: "node1", "curl -sS -m 3 -w ' %{http_code}' http://127.0.0.1:10256/\(path)")
    }

    private func folder(_ lab: Lab) -> String { "/run/portico-lab/\(lab.name)" }

    /// Runs a daemon on node1 that is not to come up, and returns what it said.
    ///
    /// - Parameters:
    ///   - condition: of a shell; once it holds the daemon is told to end, as after 40 seconds.
    ///   - preparation: what the shell does before.
    private func refused(
        _ lab: Lab, _ flags: String, endedOnce condition: String = "false", after preparation: String = ":"
    ) async throws -> String {
        try await lab.run(
            on: "node1",
            """
            \(preparation)
            timeout --preserve-status 40 \(try Lab.program()) daemon -f \(folder(lab))/manifests --hostname-override node1 \
                --conntrack-max-per-core=0 --oom-score-adj=0 \(flags) 2>&1 &
            while kill -0 $! && ! \(condition); do sleep 0.05; done 2> /dev/null
            kill -TERM $! 2> /dev/null
            wait $!; echo "status $?"
            """)
    }

    private func rules(_ lab: Lab, _ variant: String) async throws -> [String] {
        try await lab.run(on: "node1", "iptables-\(variant)-save -t nat; iptables-\(variant)-save -t filter")
            .split(separator: "\n").map(String.init).filter { $0.hasPrefix("-A") }
    }

    @Test("A second daemon is refused, and told by whom; after a crash nobody is in the way")
    func second() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1")
            let pid = try lab.pid(of: "node1")
            let said = try await refused(lab, "")
            #expect(said.contains("process \(pid) is the service proxy of this machine"), "\(said)")
            #expect(said.hasSuffix("status 1\n"))
            #expect(try await refused(lab, "--takeover \(folder(lab))/other.sock").contains("process \(pid) is the"))
            #expect(try await refused(lab, "--redirect none").contains("process \(pid) is the"))
            kill(pid, SIGKILL)
            #expect(await eventually { !Lab.isRunning(pid) })
            try await lab.start("node1")
        }
    }

    @Test("Rules that somebody removes again and again are back at once each time", arguments: ["nft", "legacy"])
    func repeatedFlush(variant: String) async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.run(on: "node1", "iptables-\(variant) -t mangle -N KUBE-IPTABLES-HINT")
            // Neither by the period nor at the pace of changes would anything be back in the time of this test.
            try await lab.start("node1", ["--iptables-sync-period=1h", "--iptables-min-sync-period=1h"])
            try await lab.apply("web", web())
            let before = try await rules(lab, variant)
            #expect(before.contains { $0.contains("10.100.0.1/32") })
            func looks() async throws -> Int {
                try await lab.cluster("log", "node1").components(separatedBy: "another process has changed").count - 1
            }
            try await Task.sleep(for: .seconds(1))
            #expect(try await looks() == 0, "its own changes are none of others'")
            for _ in 0..<6 {
                try await lab.run(on: "node1", "iptables-\(variant) -t nat -F; iptables-\(variant) -F")
                #expect(await eventually(within: .seconds(20)) { (try? await rules(lab, variant)) == before })
            }
            #expect(await eventually { ((try? await looks()) ?? 0) >= 6 })
        }
    }

    @Test("Without an address that is said, and rules follow as soon as there is one, not at the period")
    func noAddress() async throws {
        try await Lab.run(daemons: []) { lab in
            let flush = ["eth0", "cni0"].map { "ip addr flush dev \($0); ip -6 addr flush dev \($0)" }
            try await lab.run(on: "node1", flush.joined(separator: "; "))
            try await lab.start("node1", ["--iptables-sync-period=1h"])
            try await lab.apply("web", web())
            #expect(await lab.logged("there are no rules, because it has no", on: "node1"))
            #expect(try await health(lab).contains("there are no rules, because it has no"))
            try await lab.run(on: "node1", "ip addr add 192.168.58.2/24 dev eth0")
            #expect(
                await eventually(within: .seconds(20)) {
                    (try? await rules(lab, "nft").contains { $0.contains("10.100.0.1/32") }) == true
                })
            #expect(await lab.logged("no longer: this node: there are no rules", on: "node1"))
            #expect(try await health(lab).contains("IPv6: addresses of Services"), "that family still lacks one")
            try await lab.run(on: "node1", "ip addr add fd00:58::2/64 dev eth0 nodad")
            #expect(await eventually(within: .seconds(20)) { (try? await health(lab).contains("problems")) == false })
        }
    }

    @Test("Proxy ports that run out, and a name that no Node has, are problems in log, health and report")
    func silence() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.apply("web", web(18))
            try await lab.start(
                "node1", ["--proxy-port-range=20000-20009", "--hostname-override=nod1", "--iptables-sync-period=1h"])
            #expect(await lab.logged("no proxy port is left in 20000-20009", on: "node1"))
            #expect(await lab.logged("Node nod1: there is no such Node, but node1, node2 and node3", on: "node1"))
            let body = try await health(lab, "livez")
            #expect(body.contains("no proxy port is left") && body.contains("Node nod1"), "\(body)")
            #expect(body.hasSuffix(" 200"))
            let event = try #require(try lab.events(of: "node1").first)
            #expect(event.contains("no proxy port is left"))
        }
    }

    @Test("A folder of manifests that vanishes takes nothing down; SIGHUP and USR1 neither")
    func vanishedFolder() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1")
            try await lab.apply("web", web())
            let pid = try lab.pid(of: "node1")
            try await lab.run(on: "node1", "mv \(folder(lab))/manifests \(folder(lab))/away")
            #expect(
                await eventually(within: .seconds(20)) {
                    (try? await health(lab).contains("its last good state stays in use")) == true
                })
            kill(pid, SIGUSR1)
            kill(pid, SIGHUP)
            #expect(await lab.logged("reading everything again", on: "node1"))
            #expect(try await lab.ask(4, from: "client", "10.100.0.1", 80) == [.pod("nginx1"): 4])
            let lines = try await lab.cluster("log", "node1").components(separatedBy: "its last good state").count - 1
            #expect(lines == 1, "it is said once")
            try await lab.run(on: "node1", "mv \(folder(lab))/away \(folder(lab))/manifests")
            #expect(await eventually(within: .seconds(20)) { (try? await health(lab).contains("last good")) == false })
        }
    }

    @Test("A successor with nothing to serve does not take over, unless it is told to")
    func emptySuccessor() async throws {
        try await Lab.run(daemons: []) { lab in
            let socket = "\(folder(lab))/takeover.sock"
            try await lab.start("node1", ["--takeover", socket])
            try await lab.apply("web", web())
            let pid = try lab.pid(of: "node1")
            try await lab.run(on: "node1", "mkdir \(folder(lab))/empty")
            let program = try Lab.program()
            func start(_ files: String, _ flags: String = "") async throws -> String {
                try await lab.run(
                    on: "node1",
                    "timeout 20 \(program) daemon \(files) --hostname-override node1 --conntrack-max-per-core=0 "
                        + "--oom-score-adj=0 --takeover \(socket) \(flags) 2>&1; echo \"status $?\"")
            }
            let empty = try await start("-f \(folder(lab))/empty")
            #expect(
                empty.contains("--allow-empty takes over all the same") && empty.hasSuffix("status 1\n"), "\(empty)")
            let partial = try await start("-f \(folder(lab))/manifests -f /nonexistent")
            #expect(
                partial.contains("not all that is to be served can be read") && partial.hasSuffix("status 1\n"),
                "\(partial)")
            // The process that serves knows a good state of this one.
            let other = Manifest.service(
                "other", clusterIPs: ["10.100.0.2"], type: "NodePort", nodePort: 30_082)
            try await lab.apply("other", other + Manifest.endpoints("other", [.nginx1]))
            try await lab.run(
                on: "node1",
                "cp -r \(folder(lab))/manifests \(folder(lab))/broken; "
                    + "sed -i 's/nodePort: 30082/nodePort: \"30082\"/' \(folder(lab))/broken/*")
            let broken = try await start("-f \(folder(lab))/broken")
            #expect(
                broken.contains("not all that is to be served can be read") && broken.contains("nodePort: expected")
                    && broken.hasSuffix("status 1\n"), "\(broken)")
            #expect(Lab.isRunning(pid))
            #expect(try await lab.ask(4, from: "client", "10.100.0.1", 80) == [.pod("nginx1"): 4])
            _ = try await start("-f \(folder(lab))/empty", "--allow-empty")
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(pid) })
        }
    }

    /// A connection to the Service that is in the midst of its question.
    private func begin(_ lab: Lab, _ rest: [PeerStep]) async throws -> ScriptedPeer {
        try await OwnResources.inNetwork(named: "\(lab.name)-client") {
            try ScriptedPeer.connect(to: 80, on: "10.100.0.1", script: [.send("GET / HTTP/1.0\r\nHost: a\r\n")] + rest)
        }
    }

    private func isBegun(_ lab: Lab) async -> Bool {
        await eventually {
            (try? await lab.run(on: "nginx1", "ss -Htn state established 'sport = 80'").isEmpty) == false
        }
    }

    @Test("After a takeover long connections have no limit, unless one is given; a signal gives the usual one")
    func takeoverDrain() async throws {
        try await Lab.run(daemons: []) { lab in
            let flags = ["--takeover", "\(folder(lab))/takeover.sock", "--drain-timeout=1s"]
            try await lab.start("node1", flags)
            try await lab.apply("web", web())
            let former = try lab.pid(of: "node1")
            let long = try await begin(lab, [.pause(.seconds(4)), .send("\r\n"), .receiveAll])
            #expect(await isBegun(lab))
            try await lab.start("node1", flags)
            #expect(try await long.finished().received.text.contains("nginx1"), "longer than --drain-timeout")
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(former) })

            // One that nobody ends, and a signal.
            let second = try lab.pid(of: "node1")
            let endless = try await begin(lab, [.receiveAll])
            #expect(await isBegun(lab))
            try await lab.start("node1", flags)
            let third = try lab.pid(of: "node1")
            #expect(Lab.isRunning(second))
            kill(second, SIGTERM)
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(second) })
            #expect(await endless.report().failure?.reason.isReset == true)
            #expect(Lab.isRunning(third))

            // And with a limit of its own.
            try await lab.cluster("stop", "node1")
            try await lab.start("node1", flags + ["--takeover-drain-timeout=500ms"])
            let limited = try lab.pid(of: "node1")
            let cut = try await begin(lab, [.receiveAll])
            #expect(await isBegun(lab))
            try await lab.start("node1", flags)
            #expect(await cut.report().failure?.reason.isReset == true)
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(limited) })
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
        }
    }

    @Test("A process that hangs is replaced by force only, and what is lost is said", .timeLimit(.minutes(3)))
    func hungPredecessor() async throws {
        try await Lab.run(daemons: []) { lab in
            let socket = "\(folder(lab))/takeover.sock"
            try await lab.start("node1", ["--takeover", socket])
            try await lab.apply("web", web())
            let hung = try lab.pid(of: "node1")
            kill(hung, SIGSTOP)
            let said = try await refused(lab, "--takeover \(socket)")
            #expect(said.contains("--takeover-force ends the process there"), "\(said)")
            #expect(Lab.isRunning(hung))
            // Told to end as soon as it waits for an answer: connections that nobody accepts have the socket's name too.
            let ended = try await refused(
                lab, "--takeover \(socket) --takeover-force",
                endedOnce: "[ $(grep -c \(socket) /proc/net/unix) -gt $before ]",
                after: "before=$(grep -c \(socket) /proc/net/unix)")
            #expect(ended.contains("a signal ends it before") && ended.contains("status 0"), "\(ended)")
            #expect(Lab.isRunning(hung), "who was told to end kills nobody any more")
            try await lab.start("node1", ["--takeover", socket, "--takeover-force"])
            #expect(await eventually { !Lab.isRunning(hung) })
            let words = "process \(hung) did not answer at \(socket) and has been killed"
            #expect(await lab.logged(words, on: "node1"))
            #expect(try await lab.ask(4, from: "client", "10.100.0.1", 80) == [.pod("nginx1"): 4])
        }
    }
}
