import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// From kube-proxy to Portico and back, as deploy/README.md has it, while clients ask all the time: from a pod, from the node
/// and from outside. The kube-proxy is its rules, which are all that carries its traffic, and which stay when it ends.
@Suite("Between kube-proxy and Portico", Lab.requirements, .serialized, .timeLimit(.minutes(3))) struct UpgradeTests {
    /// What writes the rules of a kube-proxy.
    enum Writer: String, CaseIterable, CustomTestStringConvertible {
        case nft, legacy
        /// The nftables mode, beside iptables over nftables.
        case nftables

        var testDescription: String { rawValue }

        static let iptables = [nft, legacy]

        private var iptables: String { "iptables-\(self == .legacy ? "legacy" : "nft")" }

        /// The kubelet's hint, by which Portico knows which kind this node has.
        func prepare(_ lab: Lab) async throws {
            try await lab.run(on: "node1", "\(iptables) -t mangle -N KUBE-IPTABLES-HINT")
        }

        /// What the first sync of a kube-proxy that has just been started does.
        func write(_ lab: Lab) async throws {
            let folder = "\(Lab.repository)/Tests/NodeTests/KubeProxy"
            try await lab.run(
                on: "node1",
                self == .nftables
                    ? "nft -f \(folder)/nftables.txt" : "\(iptables)-restore --noflush < \(folder)/iptables.txt")
        }

        /// Those of kube-proxy, and those of Portico, in the order in which they are there.
        func rules(_ lab: Lab) async throws -> (kubeProxy: [Substring], portico: [Substring]) {
            let saved = try await lab.run(on: "node1", "\(iptables)-save; ip6\(iptables.dropFirst(2))-save")
            let lines = saved.split(separator: "\n").filter { $0.hasPrefix("-A") }
            let own = ["PORTICO", "KUBE-PORTALS", "KUBE-NODEPORT-"]
            let portico = lines.filter { line in own.contains { line.contains($0) } }
            guard self == .nftables else {
                return (lines.filter { $0.contains("KUBE-S") || $0.contains("KUBE-EXT-") }, portico)
            }
            let table = try? await lab.run(on: "node1", "nft list table ip kube-proxy")
            return ((table ?? "").split(separator: "\n"), portico)
        }
    }

    private static let service =
        Manifest.service("web", clusterIPs: ["10.100.0.1"], type: "NodePort", nodePort: 30_080)
        + Manifest.endpoints("web", [.nginx3, .nginx1])

    /// Who carries the next connection of a pod: kube-proxy lets its address be.
    private func carrier(_ lab: Lab) async throws -> String {
        let answer = try await "\(lab.ask(from: "client", "10.100.0.1", 80, path: "/client"))"
        if answer.hasPrefix("10.244.0.9:") { return "kube-proxy" }
        return answer.hasPrefix("192.168.58.2:") ? "Portico" : answer
    }

    /// Has clients ask for as long as `body` takes, over new connections and over one that stays; not one fails.
    private func underLoad(
        _ lab: Lab, _ name: String, losesDatagrams: Bool = false,
        _ body: @escaping @Sendable (Load, LongConnection) async throws -> Void
    ) async throws {
        let (tcp, udp, long) = (Load(), Load(), LongConnection())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tcp.run(lab, from: "client", "10.100.0.1", 80, over: .tcp) }
            group.addTask { try await tcp.run(lab, from: "node1", "10.100.0.1", 80, over: .tcp) }
            group.addTask { try await tcp.run(lab, from: "outside", "192.168.58.2", 30_080, over: .tcp) }
            group.addTask { try await udp.run(lab, from: "client", "10.100.0.1", 80, over: .udp) }
            group.addTask { try await long.run(lab, from: "client", "10.100.0.1", 80) }
            group.addTask {
                defer {
                    tcp.stop()
                    udp.stop()
                    long.stop()
                }
                await long.goesOn()
                try await body(tcp, long)
            }
            try await group.waitForAll()
        }
        let (answers, datagrams) = (tcp.answered.load(ordering: .relaxed), udp.answered.load(ordering: .relaxed))
        print(
            "\(name): \(answers) connections, \(datagrams) datagrams, failed \(tcp.failed.withLock { $0 }) \(udp.failed.withLock { $0 })"
        )
        #expect(tcp.failed.withLock { $0 } == [:], "of \(answers)")
        // The answer to a datagram that is under way in the moment in which the kernel forgets flows is lost, at most: the client
        // asks again.
        let lost = udp.failed.withLock { $0 }
        if !losesDatagrams {
            #expect(
                lost.filter { $0.key != .silence } == [:] && lost[.silence, default: 0] <= 2, "\(lost) of \(datagrams)")
        }
    }

    private func toPortico(_ writer: Writer) async throws {
        try await Lab.run(daemons: []) { lab in
            try await writer.prepare(lab)
            try await lab.apply("web", Self.service)
            try await writer.write(lab)
            #expect(try await carrier(lab) == "kube-proxy")
            try await underLoad(lab, "from kube-proxy (\(writer))") { load, long in
                await load.goesOn(for: 300)
                try await lab.start("node1", ["--cleanup-on-exit"])
                #expect(try await carrier(lab) == "Portico")
                #expect(try await writer.rules(lab).kubeProxy == [])
                await load.goesOn(for: 600)
                // By what the kernel remembers of kube-proxy's DNAT.
                await long.goesOn()
            }
        }
    }

    private func toKubeProxy(_ writer: Writer, cleansUpAfter: Bool = false) async throws {
        try await Lab.run(daemons: []) { lab in
            try await writer.prepare(lab)
            try await lab.start("node1", ["--drain-timeout=30s"] + (cleansUpAfter ? [] : ["--cleanup-on-exit"]))
            try await lab.apply("web", Self.service)
            #expect(try await carrier(lab) == "Portico")
            let pid = try lab.pid(of: "node1")
            // Until the rules are taken away, what comes from a port that was used before is led to where nobody is.
            try await underLoad(
                lab, "back to kube-proxy (\(writer))", losesDatagrams: cleansUpAfter
            ) { load, long in
                await load.goesOn(for: 300)
                try await writer.write(lab)
                let written = try await writer.rules(lab).kubeProxy
                #expect(written != [])
                await load.goesOn(for: 300)
                kill(pid, SIGTERM)
                if cleansUpAfter {
                    #expect(await lab.logged("waiting for", on: "node1"))
                } else {
                    #expect(try await eventually(within: .seconds(20)) { try await writer.rules(lab).portico == [] })
                }
                #expect(try await carrier(lab) == "kube-proxy")
                await load.goesOn(for: 300)
                await long.goesOn()
                #expect(Lab.isRunning(pid), "it serves what is open")
                long.stop()
                #expect(await eventually(within: .seconds(20)) { !Lab.isRunning(pid) })
                if cleansUpAfter {
                    try await lab.run(on: "node1", "\(try Lab.program()) daemon --cleanup-own")
                }
                await load.goesOn(for: 300)
                let left = try await writer.rules(lab)
                #expect(left.portico == [])
                #expect(left.kubeProxy == written)
            }
        }
    }

    @Test(
        "Portico starts over the rules of a kube-proxy that has ended, and no connection fails",
        arguments: Writer.iptables)
    func fromKubeProxy(_ writer: Writer) async throws { try await toPortico(writer) }

    @Test(
        "A kube-proxy is started beside Portico, which is ended then, and no connection fails",
        arguments: Writer.iptables)
    func backToKubeProxy(_ writer: Writer) async throws { try await toKubeProxy(writer) }

    @Test("The same, with the rules taken away once Portico has ended")
    func cleanUpAfterwards() async throws { try await toKubeProxy(.nft, cleansUpAfter: true) }

    @Test("A kube-proxy in nftables mode, there and back", .requires(.tool("nft")))
    func nftables() async throws {
        try await toPortico(.nftables)
        try await toKubeProxy(.nftables)
    }
}
