import Balancing
import Base
import Redirect
import Resolution
import TestSupport
import Testing

/// The rules of kube-proxy's iptables mode, as text (docs/iptables-mode.md).
@Suite("Chains of Services")
struct ServiceChainTests {
    private let web = "KUBE-SVC-XPGD46QRK7WJZT7O"
    private let pod = "KUBE-SEP-SXIVWICOYRO3J4NJ"
    private let name = "ns1/svc1:p80"

    private func port(
        endpoints: [String] = ["10.180.0.1:80"], local: Set<String> = [], hasMore: Bool = false
    ) throws
        -> ServicePort
    {
        try servicePort(name, at: "172.30.0.41", endpoints: endpoints, local: local, hasMore: hasMore)
    }

    private func node(_ local: ServiceChainNode.LocalTraffic? = nil) throws -> ServiceChainNode {
        ServiceChainNode(family: .ipv4, localTraffic: try local ?? .range(range("10.0.0.0/8")))
    }

    private func rules(_ port: ServicePort, _ node: ServiceChainNode? = nil) throws -> RuleSet {
        RuleSet(serviceChains: [port], on: try node ?? self.node())
    }

    @Test("The notes' Service, as a text for iptables-restore")
    func example() throws {
        let my = try #require(try ServiceChainExample.ports(endpoints: 2).last)
        let text = try ServiceChainExample.rules([my]).text
        let nat = try #require(text.split(separator: "*nat\n").last)
        #expect(
            nat == """
                :KUBE-SERVICES - [0:0]
                :KUBE-NODEPORTS - [0:0]
                :KUBE-POSTROUTING - [0:0]
                :KUBE-MARK-MASQ - [0:0]
                :KUBE-SVC-FXIYY6OHUSNBITIX - [0:0]
                :KUBE-SEP-BVVT36TDQ4XITJXY - [0:0]
                :KUBE-SEP-BENFWTFL3RRJWBIC - [0:0]
                -A KUBE-SERVICES -m comment --comment "default/my-service cluster IP" -p tcp -m tcp --dport 80 -d 10.109.214.77/32 -j KUBE-SVC-FXIYY6OHUSNBITIX
                -A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
                -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
                -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
                -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
                -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
                -A KUBE-SVC-FXIYY6OHUSNBITIX -m comment --comment "default/my-service cluster IP" -p tcp -m tcp --dport 80 -d 10.109.214.77/32 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
                -A KUBE-SVC-FXIYY6OHUSNBITIX -m comment --comment "default/my-service -> 10.244.2.3:80" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-BVVT36TDQ4XITJXY
                -A KUBE-SVC-FXIYY6OHUSNBITIX -m comment --comment "default/my-service -> 10.244.2.4:80" -j KUBE-SEP-BENFWTFL3RRJWBIC
                -A KUBE-SEP-BVVT36TDQ4XITJXY -m comment --comment "default/my-service" -s 10.244.2.3/32 -j KUBE-MARK-MASQ
                -A KUBE-SEP-BVVT36TDQ4XITJXY -m comment --comment "default/my-service" -p tcp -m tcp -j DNAT --to-destination 10.244.2.3:80
                -A KUBE-SEP-BENFWTFL3RRJWBIC -m comment --comment "default/my-service" -s 10.244.2.4/32 -j KUBE-MARK-MASQ
                -A KUBE-SEP-BENFWTFL3RRJWBIC -m comment --comment "default/my-service" -p tcp -m tcp -j DNAT --to-destination 10.244.2.4:80
                -I OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
                -I PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
                -I POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
                COMMIT

                """)
    }

    @Test("Filter lets through what is for pods, and guards localhost")
    func filter() throws {
        let text = try ServiceChainExample.rules([]).text
        let filter = try #require(text.split(separator: "*nat\n").first)
        #expect(
            filter == """
                *filter
                :KUBE-SERVICES - [0:0]
                :KUBE-EXTERNAL-SERVICES - [0:0]
                :KUBE-FORWARD - [0:0]
                :KUBE-NODEPORTS - [0:0]
                :KUBE-PROXY-FIREWALL - [0:0]
                :KUBE-FIREWALL - [0:0]
                -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
                -A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
                -A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                -A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
                -I INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
                -I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
                -I INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
                -I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
                -I OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
                -I FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
                -I INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
                -I OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
                -I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
                -I INPUT -j KUBE-FIREWALL
                -I OUTPUT -j KUBE-FIREWALL
                COMMIT

                """)
        var liberal = try node()
        (liberal.dropsInvalid, liberal.servesLocalhost, liberal.masqueradeBit) = (false, false, 15)
        let other = RuleSet(serviceChains: [], on: liberal)
        #expect(lines(other, .filter, "KUBE-FORWARD").count == 2)
        #expect(!other[.filter].chains.contains { $0.name == "KUBE-FIREWALL" })
        #expect(lines(other, .nat, "KUBE-MARK-MASQ") == ["-j MARK --set-xmark 0x8000/0x8000"])
    }

    @Test("Who counts as a pod of this node, and everybody masqueraded")
    func detectors() throws {
        func mark(_ local: ServiceChainNode.LocalTraffic) throws -> String? {
            lines(try rules(port(), node(local)), .nat, web).first { $0.contains("KUBE-MARK-MASQ") }
        }
        #expect(try mark(.bridge("cbr0"))?.contains(" ! -i cbr0 ") == true)
        #expect(try mark(.interfacePrefix("veth"))?.contains(" ! -i veth+ ") == true)
        #expect(try mark(.unknown) == nil)
        var all = try node(.unknown)
        all.masqueradesAll = true
        let first = lines(try rules(port(), all), .nat, web).first
        #expect(
            first
                == "-m comment --comment \"\(name) cluster IP\" -p tcp -m tcp --dport 80 -d 172.30.0.41/32 -j KUBE-MARK-MASQ"
        )
    }

    @Test("Without endpoints refused, with none that the policy permits dropped, and no chains for either")
    func absence() throws {
        var port = try port(endpoints: [])
        port.nodePort = 3001
        port.externalIPs = [ip("192.168.99.22")]
        let none = try rules(port)
        let reject = "-j REJECT --reject-with icmp-port-unreachable"
        #expect(
            lines(none, .filter, "KUBE-SERVICES") == [
                "-m comment --comment \"\(name) has no endpoints\" -p tcp -m tcp --dport 80 -d 172.30.0.41/32 \(reject)"
            ])
        #expect(
            lines(none, .filter, "KUBE-EXTERNAL-SERVICES") == [
                "-m comment --comment \"\(name) has no endpoints\" -p tcp -m tcp --dport 80 -d 192.168.99.22/32 \(reject)",
                "-m comment --comment \"\(name) has no endpoints\" -p tcp -m tcp --dport 3001 -m addrtype --dst-type LOCAL \(reject)",
            ])
        #expect(none[.nat].chains.count == 4)
        #expect(lines(none, .nat, "KUBE-NODEPORTS") == [])

        var elsewhere = try self.port(endpoints: ["10.180.0.1:80"])
        elsewhere.internalTrafficPolicy = .local
        let dropped = try rules(elsewhere)
        #expect(
            lines(dropped, .filter, "KUBE-SERVICES") == [
                "-m comment --comment \"\(name) has no local endpoints\" -p tcp -m tcp --dport 80 -d 172.30.0.41/32 -j DROP"
            ])
        #expect(dropped[.nat].chains.count == 4, "no chain for endpoints that nobody gets")
    }

    @Test("A Local external policy: others get this node's endpoints unmasqueraded, pods and the node get all")
    func localPolicy() throws {
        var port = try port(endpoints: ["10.180.0.1:80", "10.180.2.1:80"], local: ["10.180.2.1:80"])
        (port.nodePort, port.externalTrafficPolicy) = (3001, .local)
        port.healthCheck = ServiceHealthCheck(nodePort: 30_000, localEndpoints: 1)
        let found = try rules(port)
        #expect(
            lines(found, .nat, "KUBE-NODEPORTS") == [
                "-m comment --comment \"\(name)\" -p tcp -m tcp --dport 3001 -j KUBE-EXT-XPGD46QRK7WJZT7O"
            ])
        #expect(
            lines(found, .nat, "KUBE-EXT-XPGD46QRK7WJZT7O") == [
                "-m comment --comment \"pod traffic for \(name) external destinations\" -s 10.0.0.0/8 -j \(web)",
                "-m comment --comment \"masquerade LOCAL traffic for \(name) external destinations\" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ",
                "-m comment --comment \"route LOCAL traffic for \(name) external destinations\" -m addrtype --src-type LOCAL -j \(web)",
                "-j KUBE-SVL-XPGD46QRK7WJZT7O",
            ])
        #expect(lines(found, .nat, "KUBE-SVL-XPGD46QRK7WJZT7O").count == 1)
        #expect(lines(found, .nat, web).count == 3)
        #expect(
            lines(found, .filter, "KUBE-NODEPORTS") == [
                "-m comment --comment \"\(name) health check node port\" -p tcp -m tcp --dport 30000 -j ACCEPT"
            ])
        // Without pods that are known as such, they are as anybody else.
        #expect(lines(try rules(port, node(.unknown)), .nat, "KUBE-EXT-XPGD46QRK7WJZT7O").count == 3)

        port.endpoints.ipv4.local = []
        let none = try rules(port)
        #expect(lines(none, .nat, "KUBE-EXT-XPGD46QRK7WJZT7O").count == 3)
        #expect(
            lines(none, .filter, "KUBE-EXTERNAL-SERVICES") == [
                "-m comment --comment \"\(name) has no local endpoints\" -p tcp -m tcp --dport 3001 -m addrtype --dst-type LOCAL -j DROP"
            ])
    }

    @Test("Source ranges of a load balancer's address, and the node's own way round them")
    func sourceRanges() throws {
        var port = try port()
        port.loadBalancerIPs = [ip("1.2.3.4")]
        port.loadBalancerSourceRanges = [try range("203.0.113.0/25"), try range("192.168.0.0/16")]
        var node = try node()
        let fw = "KUBE-FW-XPGD46QRK7WJZT7O"
        let ext = "KUBE-EXT-XPGD46QRK7WJZT7O"
        let comment = "-m comment --comment \"\(name) loadbalancer IP\""
        let ranges = [
            "\(comment) -s 203.0.113.0/25 -j \(ext)", "\(comment) -s 192.168.0.0/16 -j \(ext)",
        ]
        let last = "-m comment --comment \"other traffic to \(name) will be dropped by KUBE-PROXY-FIREWALL\""
        #expect(lines(try rules(port, node), .nat, fw) == ranges + [last])
        node.nodeAddresses = [ip("192.168.1.5")]
        let found = try rules(port, node)
        #expect(lines(found, .nat, fw) == ranges + ["\(comment) -s 1.2.3.4/32 -j \(ext)", last])
        #expect(
            lines(found, .nat, "KUBE-SERVICES").contains("\(comment) -p tcp -m tcp --dport 80 -d 1.2.3.4/32 -j \(fw)"))
        #expect(
            lines(found, .filter, "KUBE-PROXY-FIREWALL") == [
                "-m comment --comment \"\(name) traffic not accepted by \(fw)\" -p tcp -m tcp --dport 80 -d 1.2.3.4/32 -j DROP"
            ])
        #expect(
            lines(found, .nat, ext) == [
                "-m comment --comment \"masquerade traffic for \(name) external destinations\" -j KUBE-MARK-MASQ",
                "-j \(web)",
            ])
    }

    @Test("Affinity: who is known goes where he was, for so long")
    func affinity() throws {
        var port = try port()
        port.affinity = .clientIP(seconds: 10_800)
        let found = try rules(port)
        #expect(
            lines(found, .nat, web).dropFirst() == [
                "-m comment --comment \"\(name) -> 10.180.0.1:80\" -m recent --name \(pod) --rcheck --seconds 10800 --reap -j \(pod)",
                "-m comment --comment \"\(name) -> 10.180.0.1:80\" -j \(pod)",
            ])
        #expect(
            lines(found, .nat, pod).last
                == "-m comment --comment \"\(name)\" -p tcp -m tcp -m recent --name \(pod) --set -j DNAT --to-destination 10.180.0.1:80"
        )
    }

    @Test("Above 1,000 endpoints rules do not name them")
    func largeCluster() throws {
        let names = (0..<1001).map { "10.181.\($0 / 250).\($0 % 250 + 1):80" }
        let small = try rules(port(endpoints: Array(names.prefix(1000))))
        let large = try rules(port(endpoints: names))
        #expect(lines(small, .nat, web)[1].contains("->"))
        #expect(!lines(large, .nat, web)[1].contains("comment"))
        #expect(lines(large, .nat, web)[0].contains("cluster IP"))
        // Ten digits of each part, the largest first.
        let chances = lines(large, .nat, web).dropFirst().compactMap { $0.split(separator: " ").dropLast(2).last }
        #expect(chances.prefix(3) == ["0.0009990010", "0.0010000000", "0.0010010010"])
    }

    @Test("Node ports on some addresses only, and IPv6")
    func addresses() throws {
        var node = try node()
        node.nodePortAddresses = [ip("192.168.1.5"), ip("127.0.0.1"), ip("fd01::5")]
        func tail(_ node: ServiceChainNode) -> [String] {
            RuleSet(serviceChains: [], on: node)[.nat]["KUBE-SERVICES"].map { "\($0)" }
        }
        #expect(tail(node).map { $0.contains("192.168.1.5/32") } == [true, false])
        node.servesLocalhost = false
        #expect(tail(node).count == 1)
        #expect(RuleSet(serviceChains: [], on: node)[.filter].chains.count == 5)
        // As the redirect is told.
        func asTold(_ ranges: String...) throws -> ServiceChainNode {
            ServiceChainNode(try RedirectTests.node(nodePorts: ranges.map { try range($0) }, own: [ip("192.168.1.5")]))
        }
        #expect(try asTold().nodePortAddresses == nil)
        #expect(try asTold("192.168.0.0/16").nodePortAddresses == [ip("192.168.1.5")])
        #expect(try !asTold("192.168.0.0/16").servesLocalhost)
        #expect(try asTold("127.0.0.0/8").nodePortAddresses == [ip("127.0.0.1")])
        #expect(try asTold("127.0.0.0/8").servesLocalhost)
        node.nodePortAddresses = nil
        #expect(tail(node).first?.contains("! -d 127.0.0.0/8") == true)

        let six = ServiceChainNode(family: .ipv6)
        let port = try servicePort("ns1/svc1:p80", at: "fd00::41", endpoints: ["[fd00:180::1]:80"])
        let found = RuleSet(serviceChains: [port], on: six)
        #expect(lines(found, .nat, "KUBE-SERVICES").last?.contains("! -d ::1/128") == true)
        #expect(found.text.contains("DNAT --to-destination [fd00:180::1]:80"))
    }

    @Test("In a family that a Service does not have it has no rules, and none for what only the other one has")
    func families() throws {
        var port = try port(endpoints: ["10.180.0.1:80"], local: ["10.180.0.1:80"])
        (port.nodePort, port.externalTrafficPolicy) = (3001, .local)
        port.healthCheck = ServiceHealthCheck(nodePort: 30_000, localEndpoints: 1)
        let six = ServiceChainNode(family: .ipv6)
        #expect(RuleSet(serviceChains: [port], on: six) == RuleSet(serviceChains: [], on: six))
        // Of two families, and outside in one of them.
        (port.nodePort, port.healthCheck) = (nil, nil)
        port.clusterIPs.append(ip("fd00::41"))
        port.externalIPs = [ip("203.0.113.9")]
        port.endpoints.ipv6 = FamilySelection(
            cluster: [ServiceEndpoint(address: try #require(EndpointAddress("[fd00:180::1]:80")))], hasAny: true)
        let chains = RuleSet(serviceChains: [port], on: six)[.nat].chains.map(\.name)
        #expect(!chains.contains { $0.hasPrefix("KUBE-EXT-") || $0.hasPrefix("KUBE-SVL-") })
        #expect(chains.contains(web))
        // One whose cluster IP is refused is reached by its other addresses.
        port.clusterIPs = []
        #expect(RuleSet(serviceChains: [port], on: try node()).text.contains("KUBE-EXT-"))
    }
}
