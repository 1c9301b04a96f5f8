import Balancing
import Foundation
import Objects
import TestSupport
import Testing

/// What happens to the rules while others work on the same firewall, and over restarts (docs/behaviour.md, B9.7 to B9.10).
@Suite("Rules on a node", Lab.requirements, .serialized) struct FirewallTests {
    private func web(_ endpoints: [Manifest.Endpoint] = [.nginx1]) -> String {
        Manifest.service("web", clusterIPs: ["10.100.0.1", "fd00:100::1"], type: "NodePort", nodePort: 30_080)
            + Manifest.endpoints("web", endpoints)
    }

    /// The rules of a node, without counters and comments.
    private func rules(_ lab: Lab, _ variant: String) async throws -> [String] {
        var lines: [String] = []
        for program in ["iptables", "ip6tables"] {
            // Table by table: the older kind has them in whatever order they were loaded.
            for table in ["filter", "nat"] {
                lines += try await lab.run(on: "node1", "\(program)-\(variant)-save -t \(table)")
                    .split(separator: "\n").map(String.init).filter { $0.hasPrefix("-A") || $0.hasPrefix("*") }
            }
        }
        return lines
    }

    @Test("After somebody flushes the tables all is as before, within a period", arguments: ["nft", "legacy"])
    func flush(variant: String) async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.run(on: "node1", "iptables-\(variant) -t mangle -N KUBE-IPTABLES-HINT")
            try await lab.start("node1", ["--iptables-sync-period=1s"])
            try await lab.apply("web", web())
            let before = try await rules(lab, variant)
            #expect(
                before.contains { $0.contains("10.100.0.1/32") } && before.contains { $0.contains("fd00:100::1/128") })
            for family in ["iptables", "ip6tables"] {
                for flush in ["-t nat -F", "-F", "-t nat -D PREROUTING 1", "-t nat -F KUBE-PORTALS-CONTAINER"] {
                    try await lab.run(on: "node1", "\(family)-\(variant) \(flush)")
                    #expect(
                        await eventually(within: .seconds(20)) { (try? await rules(lab, variant)) == before },
                        "\(flush)")
                }
            }
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
        }
    }

    @Test("The kernel tells of a flush, so that nobody has to wait for the period")
    func flushIsHeardOf() async throws {
        try await Lab.run(daemons: ["node1"]) { lab in
            try await lab.apply("web", web())
            let before = try await rules(lab, "nft")
            try await lab.run(on: "node1", "iptables-nft -t nat -F; iptables-nft -F")
            #expect(await eventually(within: .seconds(20)) { (try? await rules(lab, "nft")) == before })
            #expect(await lab.logged("another process has changed the rules", on: "node1"))
            // Its own changes are no news to it, nor are those of rules that it has nothing to do with.
            let looks = try await lab.cluster("log", "node1").components(separatedBy: "another process has changed")
                .count
            try await lab.apply("web", web([.nginx3]))
            try await lab.run(
                on: "node1",
                "iptables-nft -N OTHER; iptables-nft -A OTHER -j ACCEPT; iptables-nft -F OTHER; "
                    + "iptables-nft -A INPUT -s 203.0.113.77 -j ACCEPT; iptables-nft -D INPUT -s 203.0.113.77 -j ACCEPT"
            )
            try await Task.sleep(for: .seconds(1))
            #expect(
                try await lab.cluster("log", "node1").components(separatedBy: "another process has changed").count
                    == looks)
        }
    }

    @Test("A look that is due is not lost to the changes that come after it")
    func flushAmongChanges() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1", ["--iptables-min-sync-period=4s"])
            try await lab.apply("web", web())
            let before = try await rules(lab, "nft")
            // The first waits for its turn, then the look behind it, then another change behind both.
            let file = "/run/portico-lab/\(lab.name)/manifests/web.yaml"
            func change(_ endpoint: Manifest.Endpoint) throws {
                try web([endpoint]).write(toFile: file, atomically: true, encoding: .utf8)
            }
            try change(.nginx3)
            try await Task.sleep(for: .milliseconds(800))
            try await lab.run(on: "node1", "iptables-nft -t nat -F")
            try await Task.sleep(for: .milliseconds(800))
            try change(.nginx1)
            #expect(await eventually(within: .seconds(20)) { (try? await rules(lab, "nft")) == before })
        }
    }

    @Test("While iptables is locked endpoints change all the same; rules follow, and health tells of a long wait")
    func lockedFirewall() async throws {
        try await Lab.run(daemons: []) { lab in
            let lock = "/run/portico-lab/\(lab.name)/xtables.lock"
            try await lab.run(on: "node1", "iptables-legacy -t mangle -N KUBE-IPTABLES-HINT")
            try await lab.start("node1", ["--iptables-sync-period=5s"], environment: ["XTABLES_LOCKFILE": lock])
            func health() async -> String? {
                try? await lab.run(
                    on: "node1", "curl -s -m 2 -o /dev/null -w '%{http_code}' http://127.0.0.1:10256/healthz")
            }
            try await lab.apply("web", web())
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))

            let holder = try await Lab.hold(lock)
            #expect(await health() == "200")
            let manifests = URL(fileURLWithPath: "/run/portico-lab/\(lab.name)/manifests")
            let other = Manifest.service("other", clusterIPs: ["10.100.0.2"]) + Manifest.endpoints("other", [.nginx3])
            try other.write(to: manifests.appending(path: "other.yaml"), atomically: true, encoding: .utf8)
            try web([.nginx3]).write(to: manifests.appending(path: "web.yaml"), atomically: true, encoding: .utf8)
            #expect(
                await eventually(within: .seconds(20)) {
                    (try? await lab.ask(from: "client", "10.100.0.1", 80)) == .pod("nginx3")
                }, "a new endpoint needs no rules")
            #expect(await health() == "200", "that is no long wait yet")
            #expect(await eventually(within: .seconds(30)) { await health() == "503" }, "twice the period")
            holder.closeInput()
            #expect(
                await eventually(within: .seconds(30)) {
                    (try? await lab.ask(from: "client", "10.100.0.2", 80)) == .pod("nginx3")
                })
            #expect(await eventually(within: .seconds(20)) { await health() == "200" })
        }
    }

    @Test("Over a restart, orderly or not, no rule is touched and the proxy ports are the same")
    func restart() async throws {
        try await Lab.run(daemons: ["node1"]) { lab in
            let many = (0..<1000).map { number in
                Manifest.service("s\(number)", clusterIPs: ["10.101.\(number / 250).\(number % 250 + 1)"])
                    + Manifest.endpoints("s\(number)", [.nginx1])
            }
            try await lab.apply("many", many.joined(separator: "---\n"))
            let before = try await rules(lab, "nft")
            #expect(before.count { $0.contains("10.101.") } >= 4000, "two transports, two chains")
            for signal in ["TERM", "KILL"] {
                try await lab.cluster("stop", "node1", signal)
                #expect(try await rules(lab, "nft") == before, "the rules stay")
                try await lab.start("node1")
                let event = try #require(try lab.events(of: "node1").first)
                #expect(event.contains(#""inForce":true"#))
                #expect(try await rules(lab, "nft") == before)
                let log = try await lab.cluster("log", "node1")
                #expect(
                    log.components(separatedBy: "rules for ipv4 have changed").count == 3, "of the first run: \(log)")
                #expect(try await lab.ask(from: "client", "10.101.3.7", 80) == .pod("nginx1"))
            }
        }
    }

    @Test(
        "A family that is not served any more has no rules left; one that loses its address neither, until it is back")
    func unservedFamily() async throws {
        try await Lab.run(daemons: ["node1"]) { lab in
            func count(_ family: String) async throws -> String {
                try await lab.run(on: "node1", "\(family)-nft-save -t nat | grep -c ^-A.*web; true")
            }
            try await lab.apply("web", web())
            #expect(try await count("ip6tables") != "0\n")
            try await lab.cluster("stop", "node1")
            try await lab.start("node1", ["--bind-address=192.168.58.2", "--iptables-sync-period=1s"])
            #expect(try await count("ip6tables") == "0\n")
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))

            try await lab.cluster("stop", "node1")
            try await lab.start("node1", ["--iptables-sync-period=1s"])
            #expect(try await count("ip6tables") != "0\n")
            try await lab.run(
                on: "node1", "ip -6 addr flush dev eth0 scope global; ip -6 addr flush dev cni0 scope global")
            #expect(await eventually(within: .seconds(20)) { (try? await count("ip6tables")) == "0\n" })
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
            try await lab.run(
                on: "node1",
                "ip -6 addr add fd00:58::2/64 dev eth0 nodad; ip -6 addr add fd00:244:0::1/64 dev cni0 nodad")
            #expect(
                await eventually(within: .seconds(20)) {
                    (try? await lab.ask(from: "client", "fd00:100::1", 80)) == .pod("nginx1")
                })
        }
    }

    @Test("A UDP client that was there before its Service is served once that is there")
    func staleFlows() async throws {
        try await Lab.run(daemons: ["node1"]) { lab in
            // It asks from one port all the time, and each packet keeps the kernel's memory of the flow fresh.
            let name = "\(lab.name)-client"
            let client = Task {
                try await OwnResources.inNetwork(named: name) { try Client.insist("10.100.0.1", 80, for: 60) }
            }
            try await Task.sleep(for: .seconds(1))
            try await lab.apply("web", web())
            #expect(try await client.value == .pod("nginx1"))
        }
    }

    @Test("A change that waits for its turn does not bring rules back that were removed on the way out")
    func cleanupWithAChangeWaiting() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1", ["--cleanup-on-exit", "--iptables-min-sync-period=20s"])
            try await lab.apply("web", web())
            let file = "/run/portico-lab/\(lab.name)/manifests/other.yaml"
            let other = Manifest.service("other", clusterIPs: ["10.100.0.2"]) + Manifest.endpoints("other", [.nginx3])
            try other.write(toFile: file, atomically: true, encoding: .utf8)
            // By then it has been seen, and waits.
            try await Task.sleep(for: .seconds(2))
            try await lab.cluster("stop", "node1")
            #expect(try await rules(lab, "nft").filter { $0.hasPrefix("-A") } == [])
        }
    }

    @Test("--cleanup removes all there is, and --cleanup-on-exit what it has made")
    func cleanup() async throws {
        try await Lab.run(daemons: []) { lab in
            let bare = try await rules(lab, "nft")
            try await lab.start("node1", ["--cleanup-on-exit=true"])
            try await lab.apply("web", web())
            #expect(try await rules(lab, "nft") != bare)
            try await lab.cluster("stop", "node1")
            #expect(try await rules(lab, "nft").filter { $0.hasPrefix("-A") } == [])

            try await lab.start("node1")
            try await lab.cluster("stop", "node1")
            let program = try Lab.program()
            let said = try await lab.cluster("exec", "node1", program, "daemon", "--cleanup")
            #expect(
                said.contains("removed: chains of iptables-nft") && said.contains("removed: chains of ip6tables-nft"))
            #expect(try await rules(lab, "nft").filter { $0.hasPrefix("-A") } == [])
            #expect(try await lab.cluster("exec", "node1", program, "daemon", "--cleanup") == "nothing to remove\n")
        }
    }
}
