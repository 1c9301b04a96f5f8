import TestSupport
import Testing

/// Every kind of portal, over both transports and families, from everywhere (docs/behaviour.md, B9.2 to B9.5).
@Suite("Portals", Lab.requirements, .serialized) struct PortalTests {
    private struct Case: CustomStringConvertible {
        let portal: String
        let place: String
        let address: String
        var port: UInt16 = 80

        var description: String { "\(portal) [\(address)]:\(port) from \(place)" }
    }

    private static var cases: [Case] {
        let everywhere = ["client", "nginx1", "routed", "node1", "node3", "outside"]
        var cases: [Case] = []
        for place in everywhere {
            for address in ["10.100.0.1", "fd00:100::1"] {
                cases.append(Case(portal: "cluster IP", place: place, address: address))
            }
            for address in ["203.0.113.7", "fd00:113::7"] {
                cases.append(Case(portal: "load-balancer IP", place: place, address: address))
            }
            // What a node itself sends to an external address that is not its own leaves the node.
            for address in ["198.51.100.7", "fd00:51::7"] where !place.hasPrefix("node") {
                cases.append(Case(portal: "external IP", place: place, address: address))
            }
            for address in ["192.168.58.2", "192.168.58.4", "fd00:58::2", "fd00:58::4"] {
                cases.append(Case(portal: "node port", place: place, address: address, port: 30_080))
            }
        }
        for node in ["node1", "node3"] {
            for address in ["127.0.0.1", "::1"] {
                cases.append(Case(portal: "localhost node port", place: node, address: address, port: 30_080))
            }
        }
        return cases
    }

    @Test("Each answers as it should, both pods in turn", arguments: Lab.Source.allCases)
    func matrix(_ source: Lab.Source) async throws {
        try await Lab.run(source) { lab in
            // Behind an interface to which its node gives no address.
            try await lab.cluster("routed-pod", "node2", "routed", "10.244.1.20", "--port", "80")
            try await lab.apply(
                "all",
                Manifest.service(
                    "all", clusterIPs: ["10.100.0.1", "fd00:100::1"], type: "LoadBalancer", nodePort: 30_080,
                    spec: "  externalIPs: [\"198.51.100.7\", \"fd00:51::7\"]", ingress: ["203.0.113.7", "fd00:113::7"])
                    + Manifest.endpoints("all", [.nginx1, .nginx3]))
            for node in ["node1", "node2", "node3"] {
                let setting = try await lab.run(on: node, "cat /proc/sys/net/ipv4/conf/all/route_localnet")
                #expect(setting == "0\n", "localhost node ports need no route_localnet")
            }
            // One place after another: turns are counted per node, and questions that cross would share them.
            for item in Self.cases {
                for transport in Transport.allCases {
                    let answers = try await lab.ask(4, from: item.place, item.address, item.port, over: transport)
                    #expect(answers == [.pod("nginx1"): 2, .pod("nginx3"): 2], "\(item), \(transport)")
                }
            }
        }
    }
}
