import Foundation
import Glibc
import Host
import Synchronization
import TestSupport
import Testing

/// A daemon that is replaced while it is used: `--takeover`.
@Suite("Hot restarts", Lab.requirements, .serialized) struct HotRestartTests {
    @Test("20 restarts under load, 20,000 connections and more, and not one fails")
    func noneFails() async throws {
        try await Lab.run(daemons: []) { lab in
            let socket = "/run/portico-lab/\(lab.name)/takeover.sock"
            let flags = ["--takeover", socket, "--drain-timeout=5s"]
            try await lab.start("node1", flags)
            try await lab.apply(
                "web",
                Manifest.service("web", clusterIPs: ["10.100.0.1", "fd00:100::1"], type: "NodePort", nodePort: 30_080)
                    + Manifest.endpoints("web", [.nginx1, .nginx3]))
            let rules = try await lab.run(on: "node1", "iptables-save -t nat | grep ^-A")
            let (tcp, udp) = (Load(), Load())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await tcp.run(lab, from: "client", "10.100.0.1", 80, over: .tcp) }
                group.addTask { try await tcp.run(lab, from: "node1", "fd00:100::1", 80, over: .tcp) }
                group.addTask { try await tcp.run(lab, from: "outside", "192.168.58.2", 30_080, over: .tcp) }
                group.addTask { try await udp.run(lab, from: "client", "10.100.0.1", 80, over: .udp) }
                group.addTask {
                    defer { for load in [tcp, udp] { load.stop() } }
                    var former = try lab.pid(of: "node1")
                    for _ in 0..<20 {
                        try await lab.start("node1", flags)
                        let present = try lab.pid(of: "node1")
                        #expect(present != former)
                        let old = former
                        #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(old) }, "the former one ends")
                        former = present
                    }
                    while tcp.answered.load(ordering: .relaxed) < 20_000 {
                        try await Task.sleep(for: .milliseconds(50))
                    }
                }
                try await group.waitForAll()
            }
            let answers = tcp.answered.load(ordering: .relaxed)
            print("hot restarts: 20, \(answers) connections, \(udp.answered.load(ordering: .relaxed)) datagrams")
            #expect(tcp.failed.withLock { $0 } == [:], "of \(answers)")
            #expect(udp.failed.withLock { $0 } == [:], "each datagram had its answer")
            #expect(try await lab.run(on: "node1", "iptables-save -t nat | grep ^-A") == rules, "no rule was touched")
        }
    }

    @Test("What began before a restart goes on, and the former process ends when that has ended")
    func connectionsGoOn() async throws {
        try await Lab.run(daemons: []) { lab in
            let flags = ["--takeover", "/run/portico-lab/\(lab.name)/takeover.sock", "--drain-timeout=30s"]
            try await lab.start("node1", flags)
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            let former = try lab.pid(of: "node1")
            let goOn = Cue()
            let begun = try await OwnResources.inNetwork(named: "\(lab.name)-client") {
                try ScriptedPeer.connect(
                    to: 80, on: "10.100.0.1",
                    script: [.send("GET / HTTP/1.0\r\nHost: a\r\n"), .wait(goOn), .send("\r\n"), .receiveAll])
            }
            try await lab.start("node1", flags)
            #expect(Lab.isRunning(former), "it has a connection to wait for")
            goOn.give()
            let report = try await begun.finished()
            #expect(report.received.text.contains("nginx1"))
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(former) })
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
        }
    }

    @Test("What the former process had is free for other addresses at once, not at the next period")
    func otherAddresses() async throws {
        try await Lab.run(daemons: []) { lab in
            let flags = ["--takeover", "/run/portico-lab/\(lab.name)/takeover.sock"]
            try await lab.start("node1", flags)
            try await lab.apply(
                "dns",
                """
                apiVersion: v1
                kind: Service
                metadata: {name: dns}
                spec:
                  type: NodePort
                  clusterIP: 10.100.0.1
                  ports: [{name: datagrams, protocol: UDP, port: 80, nodePort: 30080}]

                """ + Manifest.endpoints("dns", [.nginx1]))
            #expect(try await lab.ask(from: "node1", "127.0.0.1", 30_080, over: .udp) == .pod("nginx1"))
            let former = try lab.pid(of: "node1")
            try await lab.start("node1", flags + ["--nodeport-addresses=127.0.0.0/8", "--iptables-sync-period=1h"])
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(former) })
            #expect(
                try await eventually(within: .seconds(10)) {
                    try await lab.ask(from: "node1", "127.0.0.1", 30_080, over: .udp) == .pod("nginx1")
                })
        }
    }

    /// Starts a daemon on node1 beside the one that serves, without waiting for it; its number.
    private func startBeside(
        _ lab: Lab, _ log: String, _ flags: String, environment: String = ""
    ) async throws -> Int32 {
        let program = try Lab.program()
        let folder = "/run/portico-lab/\(lab.name)"
        let text = try await lab.run(
            on: "node1",
            "(\(environment) \(program) daemon -f \(folder)/manifests --hostname-override node1 --conntrack-max-per-core=0 \(flags) "
                + "> \(folder)/\(log) 2>&1 < /dev/null & p=$!; echo $p; exec > /dev/null 2>&1; wait $p; "
                + "echo \"ended with status $?\" >> \(folder)/\(log)) &")
        return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test("Of several that take over at once one serves in the end, and the others end")
    func severalAtOnce() async throws {
        try await Lab.run(daemons: []) { lab in
            let flags = "--takeover /run/portico-lab/\(lab.name)/takeover.sock"
            try await lab.start("node1", flags.split(separator: " ").map(String.init))
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            // At the moment in which one takes the place of the former, others find that it is nobody's.
            var serving = try lab.pid(of: "node1")
            for round in 0..<4 {
                var successors: [Int32] = []
                for name in ["first", "second", "third"] {
                    successors.append(try await startBeside(lab, "\(name)-\(round)", flags))
                    try await Task.sleep(for: .milliseconds(20 * round))
                }
                let (former, others) = (serving, successors)
                #expect(
                    await eventually(within: .seconds(20)) {
                        !Lab.isRunning(former) && others.count(where: Lab.isRunning) == 1
                    }, "\(others.filter(Lab.isRunning)) of \(others) in round \(round)")
                #expect(try await lab.ask(4, from: "client", "10.100.0.1", 80) == [.pod("nginx1"): 4], "round \(round)")
                serving = others.first(where: Lab.isRunning) ?? serving
                // Nobody was killed: each loser is told, or finds out, that another one serves, and ends at once.
                for name in ["first", "second", "third"] {
                    let log = try String(
                        contentsOfFile: "/run/portico-lab/\(lab.name)/\(name)-\(round)", encoding: .utf8)
                    #expect(!log.contains("before it was told"), "\(log)")
                }
            }
        }
    }

    @Test("Of two that have the sockets the slower one never says that it serves")
    func slowerOfTwo() async throws {
        try await Lab.run(daemons: []) { lab in
            let folder = "/run/portico-lab/\(lab.name)"
            let lock = "\(folder)/xtables.lock"
            try await lab.run(on: "node1", "iptables-legacy -t mangle -N KUBE-IPTABLES-HINT")
            let environment = ["XTABLES_LOCKFILE": lock]
            try await lab.start("node1", ["--takeover", "\(folder)/takeover.sock"], environment: environment)
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            let former = try lab.pid(of: "node1")
            // Rules have to wait, so that neither of them is done before the other one has begun.
            let holder = try await Lab.hold(lock)
            let names = ["first", "second"]
            var successors: [Int32] = []
            for name in names {
                successors.append(
                    try await startBeside(
                        lab, name, "--bind-address=192.168.58.2 --takeover \(folder)/takeover.sock",
                        environment: "XTABLES_LOCKFILE=\(lock)"))
            }
            func logs() -> [String] {
                names.map { (try? String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)) ?? "" }
            }
            #expect(await eventually(within: .seconds(20)) { logs().allSatisfy { $0.contains("taking over") } })
            holder.closeInput()
            #expect(
                await eventually(within: .seconds(20)) {
                    !Lab.isRunning(former) && successors.count(where: Lab.isRunning) == 1
                })
            // A service manager would believe it, and so would people.
            #expect(await eventually { logs().contains { $0.contains("SIGTERM ends it") } }, "\(logs())")
            #expect(logs().count { $0.contains("SIGTERM ends it") } == 1, "\(logs())")
            #expect(logs().count { $0.contains("this one ends") } == 1, "\(logs())")
            #expect(await eventually { logs().contains { $0.contains("ended with status 1") } }, "\(logs())")
        }
    }

    /// Whose the lock of a network namespace is; nil for nobody's.
    private func lockOwner(in network: String) async throws -> Int32? {
        try await OwnResources.inNetwork(named: network) {
            do throws(DaemonLock.Failure) {
                _ = try DaemonLock()
                return nil
            } catch {
                guard case .held(let process) = error else { return nil }
                return process
            }
        }
    }

    @Test("Of a successor whose predecessor dies and one that begins anew meanwhile, the one with the lock serves")
    func predecessorDies() async throws {
        try await Lab.run(daemons: []) { lab in
            let folder = "/run/portico-lab/\(lab.name)"
            let lock = "\(folder)/xtables.lock"
            // Of this kind of iptables nobody tells that rules of the same length stand there: the period does.
            let flags = "--takeover \(folder)/takeover.sock --iptables-sync-period=1s"
            try await lab.run(on: "node1", "iptables-legacy -t mangle -N KUBE-IPTABLES-HINT")
            try await lab.start(
                "node1", flags.split(separator: " ").map(String.init), environment: ["XTABLES_LOCKFILE": lock])
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            func log(_ name: String) -> String {
                (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
            }
            // Rules have to wait, so that it has the sockets and has not confirmed.
            let holder = try ChildProcess(
                try #require(findProgram("flock")), ["-o", lock, "sh", "-c", "echo locked; exec sleep 60"])
            defer { holder.signal(SIGKILL) }
            #expect(await eventually { holder.output.contains("locked") })
            let environment = "XTABLES_LOCKFILE=\(lock)"
            let heir = try await startBeside(
                lab, "heir", "--bind-address=192.168.58.2 \(flags)", environment: environment)
            #expect(await eventually(within: .seconds(10)) { log("heir").contains("taking over") }, "\(log("heir"))")
            kill(try lab.pid(of: "node1"), SIGKILL)
            let stranger = try await startBeside(lab, "stranger", flags, environment: environment)
            var owner: Int32?
            let limit = ContinuousClock.now + .seconds(20)
            while owner != stranger, ContinuousClock.now < limit {
                owner = try await lockOwner(in: "\(lab.name)-node1")
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(owner == stranger, "\(log("stranger"))")
            holder.signal(SIGKILL)
            #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(heir) }, "\(log("heir"))")
            #expect(log("heir").contains("process \(stranger) was faster"), "\(log("heir"))")
            #expect(Lab.isRunning(stranger), "\(log("stranger"))")
            var answers: [Answer: Int] = [:]
            let deadline = ContinuousClock.now + .seconds(10)
            while answers != [.pod("nginx1"): 4], ContinuousClock.now < deadline {
                answers = try await lab.ask(4, from: "client", "10.100.0.1", 80)
            }
            #expect(answers == [.pod("nginx1"): 4], "rules lead to the one that is left")
        }
    }

    @Test("A successor that is stopped before it serves leaves the rules to the process that does")
    func stoppedSuccessor() async throws {
        try await Lab.run(daemons: []) { lab in
            let lock = "/run/portico-lab/\(lab.name)/xtables.lock"
            let flags = "--cleanup-on-exit --takeover /run/portico-lab/\(lab.name)/takeover.sock"
            try await lab.run(on: "node1", "iptables-legacy -t mangle -N KUBE-IPTABLES-HINT")
            try await lab.start(
                "node1", flags.split(separator: " ").map(String.init), environment: ["XTABLES_LOCKFILE": lock])
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            // Its rules are in force, for they could not become so while iptables is locked.
            let isServed = await eventually(within: .seconds(30)) {
                (try? await lab.ask(from: "client", "10.100.0.1", 80)) == .pod("nginx1")
            }
            try #require(isServed)
            // Another address to lead to means other rules, and iptables is locked so that they have to wait.
            let holder = try await Lab.hold(lock)
            let successor = try await startBeside(
                lab, "successor", "--bind-address=192.168.58.2 \(flags)", environment: "XTABLES_LOCKFILE=\(lock)")
            let log = "/run/portico-lab/\(lab.name)/successor"
            #expect(
                await eventually(within: .seconds(20)) {
                    (try? String(contentsOfFile: log, encoding: .utf8).contains("taking over")) == true
                })
            kill(successor, SIGTERM)
            #expect(await eventually(within: .seconds(30)) { !Lab.isRunning(successor) })
            holder.closeInput()
            let answers = try await lab.ask(2, from: "client", "10.100.0.1", 80)
            #expect(answers == [.pod("nginx1"): 2])
        }
    }

    @Test("SIGTERM waits for open connections, and a second one does not")
    func secondSignal() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1", ["--drain-timeout=30s"])
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            let pid = try lab.pid(of: "node1")
            let client = try await OwnResources.inNetwork(named: "\(lab.name)-client") {
                try ScriptedPeer.connect(to: 80, on: "10.100.0.1", script: [.send("GET / HTTP/1.0\r\n"), .receiveAll])
            }
            // The pod has begun to wait for the rest of the question.
            #expect(
                await eventually {
                    (try? await lab.run(on: "nginx1", "ss -Htn state established 'sport = 80'").isEmpty) == false
                })
            kill(pid, SIGTERM)
            #expect(await lab.logged("waiting for 1 open connection to end", on: "node1"))
            #expect(Lab.isRunning(pid))
            kill(pid, SIGTERM)
            #expect(await eventually(within: .seconds(10)) { !Lab.isRunning(pid) })
            #expect(await client.report().failure?.reason.isReset == true)
        }
    }

    @Test("A process that takes over and dies leaves the former one serving; one that is in the way is named")
    func failedSuccessor() async throws {
        try await Lab.run(daemons: []) { lab in
            let socket = "/run/portico-lab/\(lab.name)/takeover.sock"
            try await lab.start("node1", ["--takeover", socket])
            try await lab.apply(
                "web", Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1]))
            let pid = try lab.pid(of: "node1")
            let program = try Lab.program()
            // It finds nothing to serve, and ends.
            let said = try? await lab.run(
                on: "node1",
                "\(program) daemon -f /nonexistent --takeover \(socket) --conntrack-max-per-core=0 2>&1; true")
            #expect(said?.contains("/nonexistent") == true)
            #expect(Lab.isRunning(pid))
            #expect(try await lab.ask(4, from: "client", "10.100.0.1", 80) == [.pod("nginx1"): 4])

            try await lab.run(on: "node1", "touch \(socket).txt")
            let refused = try? await lab.run(
                on: "node1",
                "\(program) daemon -f /run/portico-lab/\(lab.name)/manifests --takeover \(socket).txt "
                    + "--conntrack-max-per-core=0 2>&1; true")
            #expect(refused?.contains("is a file, and not a socket") == true, "\(refused ?? "")")
        }
    }
}
