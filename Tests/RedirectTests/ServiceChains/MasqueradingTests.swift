import Balancing
import Base
import Redirect
import Resolution
import TestSupport
import Testing

/// Who gets to which endpoints, and as whom: the table that kube-proxy's own tests have, by destination, source and
/// policy.
@Suite("Where packets come to by the chains of Services")
struct MasqueradingTests {
    private static let clusterIP = "172.30.0.41", nodeIP = "192.168.0.2", loadBalancer = "203.0.113.10"
    private static let here = "10.180.0.1:8080", elsewhere = "10.180.1.1:8080"

    enum Policy: CaseIterable { case cluster, externalLocal, internalLocal }

    enum Client: String, CaseIterable { case pod, node, outside, endpoint }

    private func port(_ policy: Policy) throws -> ServicePort {
        var port = try servicePort(
            "ns1/svc1", at: Self.clusterIP, endpoints: [Self.here, Self.elsewhere], local: [Self.here])
        port.nodePort = 3001
        port.loadBalancerIPs = [ip(Self.loadBalancer)]
        if policy == .externalLocal { port.externalTrafficPolicy = .local }
        if policy == .internalLocal { port.internalTrafficPolicy = .local }
        return port
    }

    private func node() throws -> ServiceChainNode {
        ServiceChainNode(
            family: .ipv4, localTraffic: .range(try range("10.180.0.0/24")), nodeAddresses: [ip(Self.nodeIP)])
    }

    private func ends(
        _ ports: [ServicePort], _ node: ServiceChainNode, from client: Client, to address: String, _ port: UInt16
    ) -> [PacketWalk.End: Double] {
        let walk = PacketWalk(rules: RuleSet(serviceChains: ports, on: node), local: [ip(Self.nodeIP)])
        let source =
            switch client {
            case .pod: "10.180.0.9"
            case .node: Self.nodeIP
            case .outside: "198.51.100.7"
            case .endpoint: "10.180.0.1"
            }
        return walk.ends(
            of: PacketWalk.Packet(
                source: ip(source), destination: EndpointAddress(ip: ip(address), port: port),
                interface: client == .node ? nil : "eth0"))
    }

    private func at(_ endpoint: String, _ isMasqueraded: Bool) throws -> PacketWalk.End {
        .at(try #require(EndpointAddress(endpoint)), masqueraded: isMasqueraded)
    }

    @Test("To the cluster IP", arguments: Policy.allCases, Client.allCases)
    func clusterIP(_ policy: Policy, _ client: Client) throws {
        let ends = ends([try port(policy)], try node(), from: client, to: Self.clusterIP, 80)
        let isForeign = client == .node || client == .outside
        var expected = [try at(Self.here, isForeign || client == .endpoint): 1.0]
        if policy != .internalLocal {
            expected = [
                try at(Self.here, isForeign || client == .endpoint): 0.5, try at(Self.elsewhere, isForeign): 0.5,
            ]
        }
        #expect(ends == expected)
    }

    @Test("To the node port and to the load balancer's address", arguments: Policy.allCases, Client.allCases)
    func external(_ policy: Policy, _ client: Client) throws {
        for (address, number) in [(Self.nodeIP, UInt16(3001)), (Self.loadBalancer, 80)] {
            let ends = ends([try port(policy)], try node(), from: client, to: address, number)
            var expected: [PacketWalk.End: Double]
            switch (policy, client) {
            case (.externalLocal, .outside): expected = [try at(Self.here, false): 1]
            case (.externalLocal, .pod): expected = [try at(Self.here, false): 0.5, try at(Self.elsewhere, false): 0.5]
            case (.externalLocal, .endpoint):
                expected = [try at(Self.here, true): 0.5, try at(Self.elsewhere, false): 0.5]
            default: expected = [try at(Self.here, true): 0.5, try at(Self.elsewhere, true): 0.5]
            }
            #expect(ends == expected, "\(address)")
        }
    }

    @Test("Where nobody knows the pods nobody is masqueraded to cluster IPs; where all are to be, pods are")
    func detectors() throws {
        var node = try node()
        node.localTraffic = .unknown
        let cluster = try port(.cluster)
        for client in [Client.pod, .node, .outside] {
            let ends = ends([cluster], node, from: client, to: Self.clusterIP, 80)
            #expect(ends == [try at(Self.here, false): 0.5, try at(Self.elsewhere, false): 0.5])
        }
        let pod = ends([try port(.externalLocal)], node, from: .pod, to: Self.nodeIP, 3001)
        #expect(pod == [try at(Self.here, false): 1], "no short cut for pods")
        node.masqueradesAll = true
        let all = ends([cluster], node, from: .pod, to: Self.clusterIP, 80)
        #expect(all == [try at(Self.here, true): 0.5, try at(Self.elsewhere, true): 0.5])
    }

    @Test("Source ranges let in who is in them, and the node where it is")
    func sourceRanges() throws {
        var port = try port(.cluster)
        func isLetIn(_ client: Client) throws -> Bool {
            let ends = ends([port], try node(), from: client, to: Self.loadBalancer, 80)
            #expect(ends == [.dropped: 1] || !ends.keys.contains(.dropped))
            return ends != [.dropped: 1]
        }
        port.loadBalancerSourceRanges = [try range("198.51.100.0/24")]
        #expect(try Client.allCases.map(isLetIn) == [false, false, true, false])
        port.loadBalancerSourceRanges = [try range("192.168.0.0/16"), try range("10.180.0.9/32")]
        #expect(try Client.allCases.map(isLetIn) == [true, true, false, false])
        // Other addresses are open to all.
        #expect(ends([port], try node(), from: .outside, to: Self.nodeIP, 3001).count == 2)
    }

    @Test("Without endpoints all are refused, with none here those from outside are dropped")
    func absence() throws {
        let none = try servicePort("ns1/svc1", at: Self.clusterIP)
        #expect(ends([none], try node(), from: .pod, to: Self.clusterIP, 80) == [.refused: 1])
        #expect(ends([none], try node(), from: .node, to: Self.clusterIP, 80) == [.refused: 1])
        var port = try port(.externalLocal)
        port.endpoints.ipv4.local = []
        for client in Client.allCases {
            let ends = ends([port], try node(), from: client, to: Self.loadBalancer, 80)
            #expect((ends == [.dropped: 1]) == (client == .outside), "\(client.rawValue)")
        }
    }

    @Test("Of any number of endpoints each gets the same part", arguments: [1, 2, 3, 7, 100])
    func parts(_ count: Int) throws {
        let names = (1...count).map { "10.180.2.\($0):8080" }
        let port = try servicePort("ns1/svc1", at: Self.clusterIP, endpoints: names)
        let ends = ends([port], try node(), from: .pod, to: Self.clusterIP, 80)
        #expect(ends.count == count)
        #expect(ends.values.allSatisfy { abs($0 * Double(count) - 1) < 0.000_01 })
    }

    @Test("What is for others passes, and a port of the node that is no node port too")
    func others() throws {
        let ports = [try port(.cluster)]
        for (address, number) in [(Self.clusterIP, UInt16(81)), (Self.nodeIP, 22), ("192.0.2.1", 80)] {
            let ends = ends(ports, try node(), from: .outside, to: address, number)
            #expect(ends == [try at("\(address):\(number)", false): 1])
        }
    }
}
