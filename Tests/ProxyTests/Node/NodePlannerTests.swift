import Balancing
import Base
import Host
import Objects
import Redirect
import Resolution
import Status
import TestSupport
import Testing

@testable import Proxy

@Suite("Plans for a node") struct NodePlannerTests {
    private func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private func addresses(_ settings: NodeSettings = NodeSettings(nodeName: "node2")) throws -> NodeAddresses {
        NodeAddresses(
            NetworkInterfaces(
                addresses: [
                    .init("lo", try ip("127.0.0.1")), .init("lo", try ip("::1")), .init("eth0", try ip("192.168.58.3")),
                    .init("eth0", try ip("fd00:58::3")), .init("eth1", try ip("10.9.0.3")),
                ], defaultRoutes: [.ipv4: ["eth0"], .ipv6: ["eth0"]]), node: nil, settings)
    }

    private func port(
        _ service: String = "web", _ clusterIPs: [String] = ["10.96.0.1"], nodePort: UInt16? = nil,
        external: TrafficPolicy = .cluster, internal: TrafficPolicy = .cluster, externalIPs: [String] = [],
        local: [String] = []
    ) throws -> ServicePort {
        func list(_ texts: [String]) -> [ServiceEndpoint] {
            texts.compactMap { EndpointAddress($0) }.map { ServiceEndpoint(address: $0) }
        }
        let selection = FamilySelection(
            cluster: list(["10.244.1.3:80", "10.244.2.3:80"]), local: list(local), hasAny: true)
        return ServicePort(
            name: ServicePortName(namespace: "default", service: service), port: 80,
            clusterIPs: try clusterIPs.map(ip), nodePort: nodePort, externalIPs: try externalIPs.map(ip),
            internalTrafficPolicy: `internal`, externalTrafficPolicy: external,
            endpoints: EndpointSelection(ipv4: selection))
    }

    private func planner(_ settings: NodeSettings = NodeSettings(nodeName: "node2")) throws -> NodePlanner {
        var planner = NodePlanner(settings)
        planner.addresses = try addresses(settings)
        return planner
    }

    private func key(_ service: String = "web") -> ObjectKey { ObjectKey(namespace: "default", name: service) }

    private func doors(_ plan: ServicePlan, _ list: EndpointList, _ role: PlannedDoor.Role) -> [String] {
        plan.ports.filter { $0.id.list == list }.flatMap(\.doors).filter { $0.role == role }
            .map(\.address.description)
    }

    @Test("Where the kernel carries, node ports are held, and what only a relay can do is told")
    func carried() throws {
        var settings = NodeSettings(nodeName: "node2")
        settings.carriage = KernelCarriage()
        var planner = try planner(settings)
        var web = try port(nodePort: 30_080)
        let plan = planner.plan(key(), [web])
        #expect(plan.carried == [web] && plan.redirected.isEmpty && plan.problems.isEmpty)
        #expect(plan.ports.flatMap(\.doors).allSatisfy { $0.role == .claim && $0.address.port == 30_080 })
        let portals = plan.portals(on: planner.addresses)
        #expect(portals.map(\.place) == [.clusterIP(try ip("10.96.0.1")), .nodePort(.ipv4)])
        #expect(portals.allSatisfy { $0.outside == .kernel })
        (web.options.holdSeconds, web.options.proxyProtocol) = (5, .v2)
        let problem = try #require(planner.plan(key(), [web]).problems.first)
        #expect("\(problem)".contains("portico.dev/hold-seconds, portico.dev/proxy-protocol: no effect"))
    }

    @Test("Node ports at localhost, as far as the addresses that take them say so")
    func localhost() throws {
        for (text, expected) in [
            ("", true), ("all", true), ("localhost", true), ("fd00::/8", true), ("primary", false),
            ("primary,localhost", true), ("10.0.0.0/8", false), ("10.0.0.0/8,fd00::/8", false),
        ] {
            let addresses = try #require(NodePortAddresses(text.split(separator: ",").map(String.init)))
            #expect(addresses.includesLocalhost == expected, "\(text)")
        }
    }

    @Test("A cluster IP has one proxy port, in its own family")
    func clusterIP() throws {
        var planner = try planner()
        let plan = planner.plan(key(), [try port()])
        #expect(plan.ports.map(\.id.list) == [EndpointList(.ipv4, .cluster)])
        let number = try #require(plan.redirected.first?.proxy.cluster)
        #expect(doors(plan, EndpointList(.ipv4), .proxy) == ["0.0.0.0:\(number)"])
        #expect(plan.ports[0].endpoints.map(\.address.description) == ["10.244.1.3:80", "10.244.2.3:80"])
        #expect(plan.notes.isEmpty)
    }

    @Test("A service port without any address wants no proxy port, and lacks none")
    func withoutAddress() throws {
        var planner = try planner()
        let plan = planner.plan(key(), [try port("web", [])])
        #expect(plan.ports.isEmpty && plan.redirected.isEmpty && plan.problems.isEmpty)
    }

    @Test("The host address stays while the node has it, and node ports follow the default route")
    func hostAddressStays() throws {
        func look(_ route: String, _ eth0: Bool = true) throws -> NetworkInterfaces {
            NetworkInterfaces(
                addresses: (eth0 ? [.init("eth0", try ip("192.168.58.3"))] : []) + [.init("tun0", try ip("10.8.0.3"))],
                defaultRoutes: [.ipv4: [route]])
        }
        var settings = NodeSettings(nodeName: "node2")
        settings.nodePortAddresses = try #require(NodePortAddresses(["primary"]))
        let before = NodeAddresses(try look("eth0"), node: nil, settings)
        let moved = NodeAddresses(try look("tun0"), node: nil, settings, after: before)
        #expect(moved.networks[.ipv4]?.hostIP == (try ip("192.168.58.3")))
        #expect(moved.networks[.ipv4]?.nodePortRanges.map(\.description) == ["10.8.0.3/32"])
        let gone = NodeAddresses(try look("tun0", false), node: nil, settings, after: moved)
        #expect(gone.networks[.ipv4]?.hostIP == (try ip("10.8.0.3")))
    }

    @Test("Addresses that others put on a node for Services are not its own")
    func addressesOfServices() throws {
        let interfaces = NetworkInterfaces(addresses: [
            .init("kube-ipvs0", try ip("10.96.0.1")), .init("nodelocaldns", try ip("10.96.0.10")),
            .init("eth0", try ip("192.168.58.3")),
        ])
        let addresses = NodeAddresses(interfaces, node: nil, NodeSettings(nodeName: "node2"))
        #expect(addresses.local[.ipv4] == [try ip("192.168.58.3")])
        #expect(addresses.networks[.ipv4]?.hostIP == (try ip("192.168.58.3")))
    }

    @Test("A node port is in both families, with a claimed port that serves it")
    func nodePort() throws {
        var planner = try planner()
        let plan = planner.plan(key(), [try port(nodePort: 30_007)])
        #expect(doors(plan, EndpointList(.ipv4), .claim) == ["0.0.0.0:30007"])
        #expect(doors(plan, EndpointList(.ipv6), .claim) == ["[::]:30007"])
        let number = try #require(plan.redirected.first?.proxy.cluster)
        #expect(doors(plan, EndpointList(.ipv6), .proxy) == ["[::]:\(number)"], "the families share a number")
        #expect(plan.ports.allSatisfy { $0.endpoints.count == 2 }, "IPv6 clients may use IPv4 endpoints")
    }

    @Test("Node ports are claimed on the addresses that take them")
    func nodePortAddresses() throws {
        var settings = NodeSettings(nodeName: "node2")
        settings.nodePortAddresses = try #require(NodePortAddresses(["10.0.0.0/8", "localhost"]))
        var planner = try planner(settings)
        let plan = planner.plan(key(), [try port(nodePort: 30_007)])
        #expect(doors(plan, EndpointList(.ipv4), .claim) == ["127.0.0.1:30007", "10.9.0.3:30007"])
        #expect(doors(plan, EndpointList(.ipv6), .claim) == ["[::1]:30007"])
        #expect(planner.addresses.networks[.ipv4]?.nodePortRanges.map(\.description) == ["10.0.0.0/8", "127.0.0.0/8"])

        settings.nodePortAddresses = try #require(NodePortAddresses(["primary"]))
        planner = try self.planner(settings)
        let primary = planner.plan(key(), [try port(nodePort: 30_007)])
        #expect(doors(primary, EndpointList(.ipv4), .claim) == ["192.168.58.3:30007"])
        settings.nodePortAddresses = try #require(NodePortAddresses(["primary", "0.0.0.0/0"]))
        #expect(try addresses(settings).networks[.ipv4]?.nodePortRanges == [], "a range of everything wins")
        #expect(NodePortAddresses(["nonsense"]) == nil)
    }

    @Test("Under Local external policy outside gets the local list, this node and its pods the whole")
    func localPolicy() throws {
        var settings = NodeSettings(nodeName: "node2")
        settings.clusterRanges = try [#require(IPPrefix("10.244.0.0/16"))]
        var planner = try planner(settings)
        let web = try port(nodePort: 30_007, external: .local, local: ["10.244.1.3:80"])
        let plan = planner.plan(key(), [web])
        let proxy = try #require(plan.redirected.first?.proxy)
        #expect(doors(plan, EndpointList(.ipv4, .cluster), .proxy) == ["0.0.0.0:\(proxy.cluster)"])
        #expect(doors(plan, EndpointList(.ipv4, .local), .proxy) == ["0.0.0.0:\(try #require(proxy.local))"])
        #expect(doors(plan, EndpointList(.ipv4, .local), .claim) == ["0.0.0.0:30007"], "claimed by those outside")
        #expect(doors(plan, EndpointList(.ipv4, .cluster), .claim) == [])
        let local = try #require(plan.ports.first { $0.id.list == EndpointList(.ipv4, .local) })
        #expect(local.endpoints.map(\.address.description) == ["10.244.1.3:80"])
    }

    @Test("Under Local internal policy a cluster IP needs the local list only")
    func internalPolicy() throws {
        var planner = try planner()
        let plan = planner.plan(key(), [try port(internal: .local, local: ["10.244.1.3:80"])])
        #expect(plan.ports.map(\.id.list) == [EndpointList(.ipv4, .local)])
        let portals = plan.portals(on: planner.addresses)
        #expect(portals.map(\.outside) == [.proxy(try #require(plan.redirected[0].proxy.local))])
    }

    @Test("Without redirection there are claimed ports only, external addresses of this node among them")
    func noRedirection() throws {
        var planner = NodePlanner(NodeSettings(nodeName: "node2"), isRedirecting: false)
        planner.addresses = try addresses()
        let web = try port(nodePort: 30_007, externalIPs: ["10.9.0.3", "203.0.113.9"])
        let plan = planner.plan(key(), [web])
        #expect(doors(plan, EndpointList(.ipv4), .claim) == ["0.0.0.0:30007", "10.9.0.3:80"])
        #expect(doors(plan, EndpointList(.ipv4), .proxy) == [])
        #expect(plan.portals(on: planner.addresses).isEmpty)
    }

    @Test("A portal is not captured while somebody else holds its port")
    func closedDoors() throws {
        var planner = try planner()
        let plan = planner.plan(
            key(), [try port(nodePort: 30_007, externalIPs: ["10.9.0.3", "203.0.113.9"])])
        func places(_ isOpen: (PlannedDoor) -> Bool) -> [Portal.Place] {
            let status = plan.ports.map { port in
                PortStatus(
                    id: port.id,
                    doors: port.doors.map { door in
                        DoorStatus(
                            wanted: door.address, listening: isOpen(door) ? door.address : nil,
                            problem: isOpen(door) ? nil : "in use")
                    })
            }
            return plan.portals(on: planner.addresses, status).map(\.place)
        }
        let (cluster, own, other) = (
            Portal.Place.clusterIP(try ip("10.96.0.1")), Portal.Place.externalIP(try ip("10.9.0.3")),
            Portal.Place.externalIP(try ip("203.0.113.9"))
        )
        #expect(places { _ in true } == [cluster, own, other, .nodePort(.ipv4), .nodePort(.ipv6)])
        #expect(places { $0.address.description != "0.0.0.0:30007" } == [cluster, own, other, .nodePort(.ipv6)])
        #expect(
            places { $0.address.description != "10.9.0.3:80" } == [cluster, other, .nodePort(.ipv4), .nodePort(.ipv6)])
        #expect(places { $0.role != .proxy }.isEmpty)
    }

    @Test("The host address is the bind address, else the Node's, else that of the default route")
    func hostAddress() throws {
        let interfaces = NetworkInterfaces(
            addresses: [.init("eth0", try ip("192.168.58.3")), .init("eth1", try ip("10.9.0.3"))],
            defaultRoutes: [.ipv4: ["eth0"]])
        var settings = NodeSettings(nodeName: "node2")
        func host(_ node: Node?) -> String? {
            NodeAddresses(interfaces, node: node, settings).networks[.ipv4]?.hostIP.description
        }
        func node(_ address: String) -> Node {
            Node(
                metadata: ObjectMeta(name: "node2"),
                status: NodeStatus(addresses: [.init(type: "InternalIP", address: address)]))
        }
        #expect(host(nil) == "192.168.58.3")
        #expect(host(node("10.9.0.3")) == "10.9.0.3")
        #expect(host(node("203.0.113.4")) == "192.168.58.3", "an address of a machine in front of the node is no use")
        settings.bindAddress = try ip("10.9.0.3")
        #expect(host(nil) == "10.9.0.3")
        #expect(NodeAddresses(interfaces, node: nil, settings).networks[.ipv6] == nil)
    }

    @Test("A proxy port that is taken is replaced in both families at once")
    func replaced() throws {
        var planner = try planner()
        let web = try port(nodePort: 30_007)
        let before = planner.plan(key(), [web])
        planner.replaceProxyPort(of: before.ports[0].id)
        let after = planner.plan(key(), [web])
        let number = try #require(after.redirected.first?.proxy.cluster)
        #expect(number != before.redirected.first?.proxy.cluster)
        #expect(doors(after, EndpointList(.ipv6), .proxy) == ["[::]:\(number)"])
    }

    @Test("What was handed over keeps its proxy port")
    func remembered() throws {
        var planner = try planner()
        let web = try port()
        let id = ServicePortID(web.name, .tcp)
        planner.remember([(id, EndpointAddress(ip: IPAddress(v4: 0), port: 25_000))])
        #expect(planner.plan(key(), [web]).redirected.first?.proxy.cluster == 25_000)
    }

    @Test("A service port too many is noted, and the others are served")
    func exhausted() throws {
        var settings = NodeSettings(nodeName: "node2")
        settings.proxyPorts = ProxyPortRange(ports: 20_000...20_000)
        var planner = try planner(settings)
        let first = planner.plan(key("a"), [try port("a")])
        let plan = planner.plan(key("b"), [try port("b")])
        #expect(first.redirected.count == 1 && first.problems.isEmpty && plan.redirected.isEmpty)
        #expect(
            plan.problems.map(\.description) == [
                "default/b: it is not served, because no proxy port is left in 20000-20000; choose a larger --proxy-port-range"
            ])
        #expect(planner.nextInLine() == [])
        _ = planner.plan(key("a"), [])
        #expect(planner.nextInLine() == [key("b")], "what is given back goes to the next in line")
        #expect(planner.plan(key("b"), [try port("b")]).redirected.count == 1)
    }

    @Test("A proxy port at another address than this process would listen on is none of its own")
    func rememberedElsewhere() throws {
        var planner = try planner()
        let web = try port()
        planner.remember([(ServicePortID(web.name, .tcp), EndpointAddress(ip: try ip("10.9.0.3"), port: 25_000))])
        #expect(planner.plan(key(), [web]).redirected.first?.proxy.cluster != 25_000)
    }

    @Test("An own address of a load balancer is claimed once, and only if everybody may use it")
    func loadBalancer() throws {
        var planner = try planner()
        var web = try port(externalIPs: ["10.9.0.3"])
        web.loadBalancerIPs = web.externalIPs
        let plan = planner.plan(key(), [web])
        #expect(doors(plan, EndpointList(.ipv4), .claim) == ["10.9.0.3:80"] && plan.notes == [])
        web.externalIPs = []
        web.loadBalancerSourceRanges = [try #require(IPPrefix("192.0.2.0/24"))]
        #expect(doors(planner.plan(key(), [web]), EndpointList(.ipv4), .claim) == [])
    }

    @Test("Whether a program of this node has an address is asked only of what no door of ours keeps")
    func heldAddress() throws {
        var planner = try planner()
        var web = try port()
        web.loadBalancerIPs = try [ip("10.9.0.3"), ip("203.0.113.9")]
        func asked() -> [String] {
            var asked: [String] = []
            let portals = planner.plan(key(), [web]).portals(on: planner.addresses) { address, _ in
                asked.append("\(address)")
                return true
            }
            #expect(portals.count == 3 - asked.count, "what is held is not captured")
            return asked
        }
        #expect(asked() == [])
        web.loadBalancerSourceRanges = [try #require(IPPrefix("192.0.2.0/24"))]
        #expect(asked() == ["10.9.0.3:80"])
    }

    @Test("A machine without IPv6 claims no node port there")
    func oneFamily() throws {
        var planner = try planner()
        let interfaces = NetworkInterfaces(addresses: [.init("eth0", try ip("192.168.58.3"))])
        planner.addresses = NodeAddresses(interfaces, node: nil, NodeSettings(nodeName: "node2"))
        let plan = planner.plan(key(), [try port(nodePort: 30_007)])
        #expect(doors(plan, EndpointList(.ipv4), .claim) == ["0.0.0.0:30007"])
        #expect(doors(plan, EndpointList(.ipv6), .claim) == [])
    }

    @Test("An external IP alone makes the external policy matter, in its own family")
    func externalOnly() throws {
        let web = try port(external: .local, externalIPs: ["203.0.113.9"])
        #expect(web.lists == [EndpointList(.ipv4, .cluster), EndpointList(.ipv4, .local)])
    }
}
