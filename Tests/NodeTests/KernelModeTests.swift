import Foundation
import Synchronization
import TestSupport
import Testing

/// A daemon whose kernel carries connections by itself: `--proxy-mode iptables`.
@Suite("The iptables mode", Lab.requirements) struct KernelModeTests {
    private static let carried = "--proxy-mode=iptables"

    private static let web =
        Manifest.service("web", clusterIPs: ["10.100.0.1"], type: "NodePort", nodePort: 30_080)

    /// What there is of Services' own chains.
    private func chains(_ lab: Lab, _ command: String = "iptables-save -t nat") async throws -> Set<String> {
        let saved = try await lab.run(on: "node1", "\(command) | grep ^: | cut -d' ' -f1")
        return Set(saved.split(separator: "\n").map { String($0.dropFirst()) }.filter { $0.hasPrefix("KUBE-") })
    }

    @Test("Pods, the node and other machines are carried, and each change is followed")
    func carrying() async throws {
        try await Lab.run(daemons: ["node1"], flags: [Self.carried]) { lab in
            try await lab.apply("web", Self.web + Manifest.endpoints("web", [.nginx1, .nginx3]))
            let places: [(from: String, address: String, port: UInt16)] = [
                ("client", "10.100.0.1", 80), ("node1", "10.100.0.1", 80), ("outside", "192.168.58.2", 30_080),
                ("client", "192.168.58.2", 30_080), ("node1", "127.0.0.1", 30_080),
            ]
            for transport in Transport.allCases {
                for place in places {
                    let answers = try await lab.ask(
                        20, from: place.from, place.address, place.port, over: transport)
                    #expect(
                        Set(answers.keys).isSubset(of: [.pod("nginx1"), .pod("nginx3")]), "\(place), \(transport)")
                }
            }
            // The kernel does it: the proxy has no part in it.
            let chains = try await chains(lab)
            #expect(chains.isSuperset(of: ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"]))
            #expect(chains.count { $0.hasPrefix("KUBE-SEP-") } == 4, "two endpoints, TCP and UDP")
            #expect(!chains.contains("KUBE-PORTALS-CONTAINER"))
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80, path: "/client") != .refused)

            try await lab.apply("web", Self.web + Manifest.endpoints("web", [.nginx3]))
            for transport in Transport.allCases {
                let answers = try await lab.ask(10, from: "client", "10.100.0.1", 80, over: transport)
                #expect(answers == [.pod("nginx3"): 10], "\(transport)")
            }
            try await lab.apply("web", Self.web + Manifest.endpoints("web", []))
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .refused)
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .refused)
            try await lab.delete("web")
            #expect(try await self.chains(lab).allSatisfy { !$0.contains("-SVC-") && !$0.contains("-SEP-") })
        }
    }

    @Test("A UDP client whose pod goes gets another one, and one whose pod stays keeps it")
    func datagrams() async throws {
        try await Lab.run(daemons: ["node1"], flags: [Self.carried]) { lab in
            try await lab.apply("web", Self.web + Manifest.endpoints("web", [.nginx1]))
            // From one port, as one flow.
            func ask() async throws -> Answer {
                try await OwnResources.inNetwork(named: "\(lab.name)-client") {
                    try Client.insist("10.100.0.1", 80, for: 5, from: 40_404)
                }
            }
            #expect(try await ask() == .pod("nginx1"))
            try await lab.apply("web", Self.web + Manifest.endpoints("web", [.nginx1, .nginx3]))
            for _ in 0..<5 { #expect(try await ask() == .pod("nginx1"), "its pod is still there") }
            try await lab.apply("web", Self.web + Manifest.endpoints("web", [.nginx3]))
            #expect(try await ask() == .pod("nginx3"), "its pod has gone")
        }
    }

    @Test("The mode changes under load, there and back, and no connection fails; nothing of the other mode is left")
    func changes() async throws {
        try await Lab.run(daemons: []) { lab in
            let flags = ["--takeover", "/run/portico-lab/\(lab.name)/takeover.sock", "--drain-timeout=5s"]
            try await lab.start("node1", flags)
            try await lab.apply("web", Self.web + Manifest.endpoints("web", [.nginx1, .nginx3]))
            let userspace = try await chains(lab)
            let load = Load()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await load.run(lab, from: "client", "10.100.0.1", 80, over: .tcp) }
                group.addTask { try await load.run(lab, from: "node1", "10.100.0.1", 80, over: .tcp) }
                group.addTask { try await load.run(lab, from: "outside", "192.168.58.2", 30_080, over: .tcp) }
                group.addTask {
                    defer { load.stop() }
                    for round in 0..<2 {
                        let isCarried = round % 2 == 0
                        try await lab.start("node1", flags + (isCarried ? [Self.carried] : []))
                        let present = try await chains(lab)
                        if isCarried {
                            #expect(present.isDisjoint(with: userspace), "\(present)")
                            #expect(present.contains { $0.hasPrefix("KUBE-SVC-") })
                        } else {
                            #expect(present == userspace)
                        }
                        await load.goesOn(for: 1000)
                    }
                }
                try await group.waitForAll()
            }
            print("changes of mode: 2, \(load.answered.load(ordering: .relaxed)) connections")
            #expect(load.failed.withLock { $0 } == [:])
            try await lab.cluster("stop", "node1")
            // That one is the kubelet's as well.
            let left = try await lab.run(
                on: "node1",
                "\(try Lab.program()) daemon --cleanup; (iptables-save; ip6tables-save) | grep -v KUBE-FIREWALL")
            #expect(!left.contains("\n:KUBE") && !left.contains("\n-A "), "\(left)")
        }
    }
}
