import Balancing
import Base
import Redirect
import Resolution
import TestSupport
import Testing

@Suite("Who is refused, and how")
struct VerdictTests {
    private let match = #"-m comment --comment "default/web:http" -p tcp -m tcp --dport"#

    @Test("Without endpoints: nothing captured, everything rejected")
    func reject() throws {
        let rules = try rules(
            [
                Portal(web, .clusterIP(ip("10.0.0.1")), port: 80, outside: .reject),
                Portal(web, .externalIP(ip("203.0.113.9")), port: 80, outside: .reject),
                Portal(web, .nodePort(.ipv4), port: 30080, outside: .reject),
            ], node())
        #expect(rules[.nat].chains.flatMap { $0.rules }.isEmpty)
        #expect(lines(rules, .filter, ChainName.proxyPorts) == ["-m conntrack --ctstate DNAT -j ACCEPT"])
        let reject = "-j REJECT --reject-with tcp-reset"
        #expect(
            lines(rules, .filter, ChainName.refuseContainer) == [
                "\(match) 80 -d 10.0.0.1/32 \(reject)",
                "\(match) 80 -d 203.0.113.9/32 -m addrtype --dst-type LOCAL \(reject)",
                "\(match) 80 -d 203.0.113.9/32 -m physdev ! --physdev-is-in \(reject)",
                "\(match) 30080 -m addrtype --dst-type LOCAL \(reject)",
            ])
        // What the node itself sends to an external address of somebody else is not Portico's business.
        #expect(
            lines(rules, .filter, ChainName.refuseHost) == [
                "\(match) 80 -d 10.0.0.1/32 \(reject)",
                "\(match) 80 -d 203.0.113.9/32 -m addrtype --dst-type LOCAL \(reject)",
                "\(match) 30080 -m addrtype --dst-type LOCAL \(reject)",
            ])
    }

    @Test("A Local policy without local endpoints drops what comes from outside, and serves the node and its pods")
    func localPolicy() throws {
        let portal = Portal(web, .nodePort(.ipv4), port: 30080, outside: .drop, inside: .proxy(4000))
        let rules = try rules([portal], node(pods: [range("10.244.1.0/24")]))
        #expect(
            lines(rules, .nat, ChainName.nodePortContainer) == [
                "\(match) 30080 -s 10.244.1.0/24 -j DNAT --to-destination :4000"
            ])
        #expect(
            lines(rules, .nat, ChainName.nodePortHost) == [
                "\(match) 30080 -j DNAT --to-destination :4000"
            ])
        #expect(
            lines(rules, .filter, ChainName.refuseContainer) == [
                "\(match) 30080 -m addrtype --dst-type LOCAL -j DROP"
            ])
        #expect(lines(rules, .filter, ChainName.refuseHost).isEmpty)
        #expect(
            lines(rules, .filter, ChainName.proxyPorts) == [
                "-m conntrack --ctstate DNAT -j ACCEPT", "\(match) 4000 -j DROP",
            ])
    }

    @Test("A Local policy with local endpoints has two proxy ports, pods before others")
    func localAndCluster() throws {
        let portal = Portal(
            web, .loadBalancerIP(ip("192.0.2.1")), port: 80, outside: .proxy(4001), inside: .proxy(4000))
        let rules = try rules([portal], node(pods: [range("10.244.1.0/24")]))
        #expect(
            lines(rules, .nat, ChainName.portalsContainer) == [
                "\(match) 80 -d 192.0.2.1/32 -s 10.244.1.0/24 -j DNAT --to-destination 192.168.1.5:4000",
                "\(match) 80 -d 192.0.2.1/32 -j DNAT --to-destination 192.168.1.5:4001",
            ])
    }

    @Test("Source ranges: whoever is in none is left by nat and dropped by filter")
    func sourceRanges() throws {
        let portal = Portal(
            web, .loadBalancerIP(ip("192.0.2.1")), port: 80,
            sources: [try range("192.168.1.0/24"), try range("203.0.113.0/24")], outside: .proxy(4000))
        let rules = try rules([portal], node(own: [ip("192.168.1.5")]))
        let vip = "\(match) 80 -d 192.0.2.1/32"
        #expect(
            lines(rules, .nat, ChainName.portalsContainer) == [
                "\(vip) -s 192.168.1.0/24 -j DNAT --to-destination 192.168.1.5:4000",
                "\(vip) -s 203.0.113.0/24 -j DNAT --to-destination 192.168.1.5:4000",
                "\(vip) -j ACCEPT",
            ])
        #expect(
            lines(rules, .nat, ChainName.portalsHost) == [
                "\(vip) -s 192.168.1.0/24 -j DNAT --to-destination 192.168.1.5:4000",
                "\(vip) -s 203.0.113.0/24 -j DNAT --to-destination 192.168.1.5:4000",
                // The node is in a range, so it may also use the address itself as its source.
                "\(vip) -s 192.0.2.1/32 -j DNAT --to-destination 192.168.1.5:4000",
                "\(vip) -j ACCEPT",
            ])
        #expect(lines(rules, .filter, ChainName.refuseContainer) == ["\(vip) -j DROP"])
        #expect(lines(rules, .filter, ChainName.refuseHost) == ["\(vip) -j DROP"])
    }

    @Test("Source ranges and pods: what is in both")
    func sourceRangesOfPods() throws {
        let portal = Portal(
            web, .loadBalancerIP(ip("192.0.2.1")), port: 80,
            sources: [try range("10.244.1.128/25"), try range("203.0.113.0/24")], outside: .drop, inside: .proxy(4000))
        let rules = try rules([portal], node(pods: [range("10.244.1.0/24")]))
        #expect(
            lines(rules, .nat, ChainName.portalsContainer) == [
                "\(match) 80 -d 192.0.2.1/32 -s 10.244.1.128/25 -j DNAT --to-destination 192.168.1.5:4000",
                "\(match) 80 -d 192.0.2.1/32 -j ACCEPT",
            ])
    }

    @Test("Node ports only on the node's addresses that are asked for", arguments: [false, true])
    func nodePortRanges(_ isOpen: Bool) throws {
        let portal = Portal(web, .nodePort(.ipv4), port: 30080, outside: .proxy(4000))
        let ranges = [try range("192.168.1.5/32")] + (isOpen ? [try range("0.0.0.0/0")] : [])
        let rules = try rules([portal], node(nodePorts: ranges))
        let place = isOpen ? "" : " -d 192.168.1.5/32"
        #expect(
            lines(rules, .nat, ChainName.nodePortContainer) == [
                "\(match) 30080\(place) -j DNAT --to-destination :4000"
            ])
    }

    @Test("Portals of a service port, by its endpoints and policies")
    func portals() throws {
        let endpoint = try #require(EndpointAddress("10.244.2.2:8080"))
        var port = ServicePort(
            name: web.name, port: 80, clusterIPs: [ip("10.0.0.1")], nodePort: 30080,
            loadBalancerIPs: [ip("192.0.2.1")], loadBalancerSourceRanges: [try range("203.0.113.0/24")])
        let proxy = ProxyPorts(cluster: 4000, local: 4001)
        func verdicts() -> [[Portal.Verdict]] {
            Portal.portals(of: port, proxy: proxy).map { [$0.outside, $0.inside] }
        }
        #expect(verdicts() == Array(repeating: [.reject, .reject], count: 4))
        #expect(Portal.portals(of: port, proxy: proxy).map(\.sources.count) == [0, 1, 0, 0])

        // Endpoints elsewhere only, and both policies Local.
        port.internalTrafficPolicy = .local
        port.externalTrafficPolicy = .local
        let remote = ServiceEndpoint(address: endpoint)
        port.endpoints.ipv4 = FamilySelection(cluster: [remote], hasAny: true)
        #expect(
            verdicts() == [
                [.drop, .drop], [.drop, .proxy(4000)], [.drop, .proxy(4000)], [.drop, .proxy(4000)],
            ])

        port.endpoints.ipv4.local = [remote]
        #expect(verdicts().first == [.proxy(4001), .proxy(4001)])
        #expect(verdicts().last == [.proxy(4001), .proxy(4000)])

        // Clients that are to wait for an endpoint have to get to the proxy.
        port.endpoints = EndpointSelection()
        port.options.holdSeconds = 5
        #expect(verdicts().first == [.proxy(4001), .proxy(4001)])
    }
}
