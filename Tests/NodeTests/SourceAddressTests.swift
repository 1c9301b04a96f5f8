import TestSupport
import Testing

/// Whom a pod sees, by default and with `--source-ip preserve`: docs/source-address.md.
@Suite("Source addresses on a node", Lab.requirements, .serialized) struct SourceAddressTests {
    private let web =
        Manifest.service("web", clusterIPs: ["10.100.0.1"], type: "NodePort", nodePort: 30_080)
        + Manifest.endpoints("web", [.nginx1])

    /// The address that the pod sees, without its port.
    private func seen(_ lab: Lab, from place: String, _ address: String, _ port: UInt16) async throws -> String {
        let answer = try await lab.ask(from: place, address, port, path: "/client")
        return answer.description.split(separator: ":").first.map(String.init) ?? ""
    }

    @Test("By default a pod sees the node that the traffic came to")
    func byDefault() async throws {
        try await Lab.run(daemons: ["node1", "node3"]) { lab in
            try await lab.apply("web", web)
            #expect(try await seen(lab, from: "outside", "192.168.58.2", 30_080) == "192.168.58.2")
            #expect(try await seen(lab, from: "outside", "192.168.58.4", 30_080) == "10.244.2.1")
            #expect(try await seen(lab, from: "client", "10.100.0.1", 80) == "192.168.58.2")
        }
    }

    @Test("Preserved for endpoints of the node, wherever answers pass it; everywhere else as by default")
    func preserved() async throws {
        try await Lab.run(daemons: []) { lab in
            for node in ["node1", "node3"] { try await lab.start(node, ["--source-ip=preserve"]) }
            try await lab.apply("web", web)
            #expect(try await seen(lab, from: "outside", "192.168.58.4", 30_080) == "192.168.58.100")
            #expect(
                try await seen(lab, from: "client", "192.168.58.4", 30_080) == "10.244.0.9", "a pod of another node")
            // Where it is not possible nobody waits for it.
            #expect(try await seen(lab, from: "outside", "192.168.58.2", 30_080) == "192.168.58.2", "a remote endpoint")
            #expect(try await seen(lab, from: "nginx1", "10.100.0.1", 80) == "10.244.2.1", "its own client")
            #expect(try await seen(lab, from: "node3", "10.100.0.1", 80) == "10.244.2.1", "the node itself")
            #expect(try await lab.ask(from: "node3", "127.0.0.1", 30_080) == .pod("nginx1"))
            for (place, address) in [
                ("outside", "192.168.58.4"), ("outside", "fd00:58::4"), ("nginx1", "192.168.58.4"),
            ] {
                for transport in Transport.allCases {
                    let answers = try await lab.ask(4, from: place, address, 30_080, over: transport)
                    #expect(answers == [.pod("nginx1"): 4], "\(address) from \(place), \(transport)")
                }
            }
            // It goes with the option.
            try await lab.cluster("stop", "node3")
            try await lab.start("node3")
            #expect(try await lab.run(on: "node3", "iptables-save | grep -c TRANSPARENT; true") == "0\n")
            #expect(try await lab.run(on: "node3", "ip rule | grep -c 0x2000; true") == "0\n")
            #expect(try await seen(lab, from: "outside", "192.168.58.4", 30_080) == "10.244.2.1")
        }
    }
}
