import Balancing
import TestSupport
import Testing

/// What people rely on when Services and their endpoints change, as far as no API server is needed.
@Suite("Services on a node", Lab.requirements, .serialized) struct ServiceTests {
    private static let web = "10.100.0.1"

    private func service(
        type: String = "ClusterIP", nodePort: UInt16? = nil, spec: String = "", _ endpoints: [Manifest.Endpoint]
    ) -> String {
        Manifest.service("web", clusterIPs: [Self.web], type: type, nodePort: nodePort, spec: spec)
            + Manifest.endpoints("web", endpoints)
    }

    @Test("Without endpoints clients are refused at once; with one they are served", arguments: Lab.Source.allCases)
    func endpoints(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node1", "node2"]) { lab in
            try await lab.apply("web", service(type: "NodePort", nodePort: 30_080, []))
            for transport in Transport.allCases {
                for place in ["client", "node1", "outside"] {
                    for (address, port) in [(Self.web, 80), ("192.168.58.2", 30_080)] as [(String, UInt16)] {
                        let answer = try await lab.ask(from: place, address, port, over: transport)
                        let isOwnDatagram = place == "node1" && transport == .udp
                        #expect(
                            answer == (isOwnDatagram ? .forbidden : .refused), "\(address) from \(place), \(transport)")
                    }
                }
            }
            try await lab.apply("web", service(type: "NodePort", nodePort: 30_080, [.nginx1]))
            for transport in Transport.allCases {
                #expect(try await lab.ask(from: "client", Self.web, 80, over: transport) == .pod("nginx1"))
                #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: transport) == .pod("nginx1"))
            }
            // And back: who was served before is refused now.
            try await lab.apply("web", service(type: "NodePort", nodePort: 30_080, []))
            #expect(try await lab.ask(from: "client", Self.web, 80) == .refused)
        }
    }

    @Test(
        "A Service that is deleted is gone, its node port too; made again it works, and others never notice",
        arguments: Lab.Source.allCases)
    func deletion(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node1"]) { lab in
            let other = Manifest.service("other", clusterIPs: ["10.100.0.2"]) + Manifest.endpoints("other", [.nginx3])
            try await lab.apply("other", other)
            let web = service(type: "NodePort", nodePort: 30_080, [.nginx1])
            for _ in 0..<2 {
                try await lab.apply("web", web)
                for transport in Transport.allCases {
                    #expect(try await lab.ask(from: "client", Self.web, 80, over: transport) == .pod("nginx1"))
                    #expect(
                        try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: transport) == .pod("nginx1"))
                }
                try await lab.delete("web")
                #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .refused)
                #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: .udp) == .refused)
                #expect(try await lab.run(on: "node1", "ss -Htuln 'sport = 30080'") == "", "nothing listens there")
                #expect(try await lab.ask(from: "client", "10.100.0.2", 80) == .pod("nginx3"))
            }
        }
    }

    @Test("Types and protocols change while it runs", arguments: Lab.Source.allCases)
    func changes(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node1"]) { lab in
            try await lab.apply("web", service([.nginx1]))
            #expect(try await lab.ask(from: "client", Self.web, 80) == .pod("nginx1"))
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .refused)

            try await lab.apply("web", service(type: "NodePort", nodePort: 30_080, [.nginx1]))
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .pod("nginx1"))
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: .udp) == .pod("nginx1"))

            try await lab.apply("web", service(type: "ExternalName", spec: "  externalName: example.org", [.nginx1]))
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .refused)
            #expect(try await lab.ask(from: "client", Self.web, 80) != .pod("nginx1"))

            try await lab.apply("web", service([.nginx1]))
            #expect(try await lab.ask(from: "client", Self.web, 80) == .pod("nginx1"))

            // From TCP and UDP to UDP only.
            let datagrams = service([.nginx1]).split(separator: "\n", omittingEmptySubsequences: false)
                .filter { !$0.contains("name: web, protocol: TCP, port: 80") }.joined(separator: "\n")
            try await lab.apply("web", datagrams)
            #expect(try await lab.ask(from: "client", Self.web, 80, over: .udp) == .pod("nginx1"))
            #expect(try await lab.ask(from: "client", Self.web, 80, over: .tcp) != .pod("nginx1"), "it is UDP only")
        }
    }

    @Test(
        "Session affinity by cluster IP and node port, switched on and off while it runs, with a short time-out",
        arguments: Lab.Source.allCases)
    func affinity(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node1", "node3"]) { lab in
            let sticky = """
                  sessionAffinity: ClientIP
                  sessionAffinityConfig: {clientIP: {timeoutSeconds: 2}}
                """
            func apply(_ spec: String) async throws {
                try await lab.apply(
                    "web", service(type: "NodePort", nodePort: 30_080, spec: spec, [.nginx1, .nginx3]))
            }
            try await apply(sticky)
            for (address, port) in [(Self.web, 80), ("192.168.58.2", 30_080)] as [(String, UInt16)] {
                for transport in Transport.allCases {
                    let answers = try await lab.ask(15, from: "nginx1", address, port, over: transport)
                    #expect(
                        answers == [.pod("nginx1"): 15] || answers == [.pod("nginx3"): 15], "\(address) \(transport)")
                }
            }
            // It lasts while it is used, and ends some time after that; the turn then goes on.
            var current = try await lab.ask(from: "client", Self.web, 80)
            for _ in 0..<4 {
                let asked = ContinuousClock.now
                try await Task.sleep(for: .seconds(1))
                let answer = try await lab.ask(from: "client", Self.web, 80)
                // Where the machine has slept for longer, it may have ended.
                #expect(answer == current || ContinuousClock.now - asked > .milliseconds(1900))
                current = answer
            }
            try await Task.sleep(for: .seconds(3))
            let second = try await lab.ask(from: "client", Self.web, 80)
            try await Task.sleep(for: .seconds(3))
            let third = try await lab.ask(from: "client", Self.web, 80)
            #expect(second != third, "every client that comes anew gets the next one")

            try await apply("")
            #expect(try await lab.ask(10, from: "client", Self.web, 80) == [.pod("nginx1"): 5, .pod("nginx3"): 5])
            try await apply(sticky)
            #expect(try await lab.ask(10, from: "client", Self.web, 80).count == 1)
        }
    }

    @Test(
        "Under Local internal policy only the node of the endpoint serves; elsewhere nobody answers",
        arguments: Lab.Source.allCases)
    func internalPolicy(_ source: Lab.Source) async throws {
        try await Lab.run(source) { lab in
            try await lab.apply("web", service(spec: "  internalTrafficPolicy: Local", [.nginx1]))
            for transport in Transport.allCases {
                for place in ["nginx1", "node3"] {
                    #expect(try await lab.ask(from: place, Self.web, 80, over: transport) == .pod("nginx1"), "\(place)")
                }
                #expect(try await lab.ask(from: "client", Self.web, 80, over: transport) == .silence)
                let own = try await lab.ask(from: "node1", Self.web, 80, over: transport)
                #expect(own == (transport == .udp ? .forbidden : .silence))
            }
        }
    }

    @Test(
        "E17, E22: under Local external policy only the endpoint's node serves others; its own pods reach all; and back",
        arguments: Lab.Source.allCases)
    func externalPolicy(_ source: Lab.Source) async throws {
        try await Lab.run(source) { lab in
            func apply(_ policy: String) async throws {
                try await lab.apply(
                    "web",
                    service(
                        type: "NodePort", nodePort: 30_080, spec: "  externalTrafficPolicy: \(policy)", [.nginx1]))
            }
            for _ in 0..<2 {
                try await apply("Local")
                for transport in Transport.allCases {
                    #expect(
                        try await lab.ask(from: "outside", "192.168.58.4", 30_080, over: transport) == .pod("nginx1"))
                    #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: transport) == .silence)
                    for place in ["client", "node1"] {
                        let answer = try await lab.ask(from: place, "192.168.58.2", 30_080, over: transport)
                        #expect(
                            answer == .pod("nginx1"),
                            "what is this node's own is short-circuited: \(place), \(transport)")
                    }
                }
                try await apply("Cluster")
                #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .pod("nginx1"))
            }
        }
    }

    @Test("Endpoints that shut down serve as long as there are no others", arguments: Lab.Source.allCases)
    func terminating(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node1", "node3"]) { lab in
            try await lab.apply("web", service([.nginx1.terminating, .nginx3]))
            #expect(try await lab.ask(6, from: "client", Self.web, 80) == [.pod("nginx3"): 6])
            try await lab.apply("web", service([.nginx1.terminating]))
            #expect(try await lab.ask(2, from: "client", Self.web, 80) == [.pod("nginx1"): 2])
            try await lab.apply(
                "web",
                service(
                    type: "NodePort", nodePort: 30_080, spec: "  externalTrafficPolicy: Local",
                    [.nginx1.terminating, .nginx3]))
            #expect(
                try await lab.ask(from: "outside", "192.168.58.4", 30_080) == .pod("nginx1"),
                "the local list falls back by itself")
        }
    }

    @Test("Source ranges hold for load-balancer addresses, and only there", arguments: Lab.Source.allCases)
    func sourceRanges(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node2"]) { lab in
            try await lab.apply(
                "web",
                Manifest.service(
                    "web", clusterIPs: [Self.web], type: "LoadBalancer", nodePort: 30_080,
                    spec: "  loadBalancerSourceRanges: [\" 10.244.0.0/16\"]", ingress: ["203.0.113.7"])
                    + Manifest.endpoints("web", [.nginx3]))
            for transport in Transport.allCases {
                #expect(try await lab.ask(from: "nginx3", "203.0.113.7", 80, over: transport) == .pod("nginx3"))
                #expect(try await lab.ask(from: "outside", "203.0.113.7", 80, over: transport) == .silence)
                #expect(try await lab.ask(from: "outside", "192.168.58.3", 30_080, over: transport) == .pod("nginx3"))
            }
        }
    }

    @Test(
        "A node port that somebody else holds is left to him, told, and taken over once it is free",
        arguments: Lab.Source.allCases)
    func heldNodePort(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: []) { lab in
            let holder = try await OwnResources.inNetwork(named: "\(lab.name)-node1") {
                try ScriptedServer(
                    on: "0.0.0.0", port: 30_080, script: [.send("somebody else"), .shutdownWrite, .receiveAll])
            }
            try await lab.start("node1", ["--iptables-sync-period=1s"])
            try await lab.apply("web", service(type: "NodePort", nodePort: 30_080, [.nginx1]))
            #expect(try await lab.ask(from: "client", Self.web, 80) == .pod("nginx1"), "the rest is not disturbed")
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: .udp) == .pod("nginx1"))
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) != .pod("nginx1"), "it is not ours")
            let words = "default/web:web: cannot listen on 0.0.0.0:30080: the address is in use"
            #expect(await lab.logged(words, on: "node1"))
            await holder.stop()
            #expect(
                await eventually(within: .seconds(20)) {
                    (try? await lab.ask(from: "outside", "192.168.58.2", 30_080)) == .pod("nginx1")
                })
        }
    }
}
