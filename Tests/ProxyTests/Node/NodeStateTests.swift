import Balancing
import Base
import Cluster
import Host
import Objects
import Redirect
import Resolution
import Status
import TestSupport
import Testing

@testable import Proxy

/// Told by hand what a relay and a kernel have come to.
@Suite("What a node is to serve, and how far that has got") struct NodeStateTests {
    /// There are two proxy ports.
    private static let settings: NodeSettings = {
        var settings = NodeSettings(nodeName: "here")
        settings.redirectedFamilies = [.ipv4]
        settings.proxyPorts = ProxyPortRange(ports: 20_000...20_001)
        return settings
    }()

    private var state = NodeState(settings, isRedirecting: true)

    init() { _ = state.take(ObjectChanges(), look) }

    private func look(_ node: Node?, _ former: NodeAddresses) -> NodeAddresses {
        let interfaces = NetworkInterfaces(
            addresses: [.init("eth0", ip("192.168.1.5")), .init("eth0", ip("192.168.1.6"))])
        return NodeAddresses(interfaces, node: node, Self.settings, after: former)
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "default", name: name) }

    /// A Service at a cluster IP with this last number.
    private func web(_ name: String, _ number: UInt8, nodePort: UInt16? = nil) -> ClusterObject {
        let port = ServicePortSpec(name: "http", port: 80, nodePort: nodePort)
        return .service(
            service(name, ports: [port], clusterIPs: ["10.96.0.\(number)"]) {
                if nodePort != nil { $0.type = .nodePort }
            })
    }

    /// Why a door is closed.
    private enum Reason { case somethingElse, inUse, noRoom }

    /// Takes a change, plans what follows, and has the relay open the doors of all but some.
    ///
    /// - Parameter holder: who has the ports that the plan has no door at.
    /// - Returns: the Services that are to be planned once more.
    @discardableResult
    private mutating func serve(
        _ changes: ObjectChanges, holder: String? = nil, as reason: Reason = .somethingElse,
        closed isClosed: (ObjectKey, PlannedDoor) -> Bool = { _, _ in false }
    ) -> Set<ObjectKey> {
        var statuses: [ObjectKey: [PortStatus]] = [:]
        for (key, ports) in state.plan(state.take(changes, look)) {
            statuses[key] = ports.map { port in
                let doors = port.doors.map { door in
                    isClosed(key, door)
                        ? DoorStatus(
                            wanted: door.address, listening: nil, problem: "closed", isInUse: reason == .inUse,
                            lacksDescriptors: reason == .noRoom)
                        : DoorStatus(wanted: door.address, listening: door.address, problem: nil)
                }
                return PortStatus(id: port.id, doors: doors)
            }
        }
        return state.served(statuses) { _, _ in holder }
    }

    private func doors(_ ports: [PlannedPort]?) -> [String] { (ports ?? []).flatMap(\.doors).map { "\($0.address)" } }

    @Test("A change of the Node's address concerns all Services, whatever else it changes")
    mutating func nodeAddress() {
        serve(changes(web("a", 1), web("b", 2)))
        let node = Node(
            metadata: ObjectMeta(name: "here", namespace: ""),
            status: NodeStatus(addresses: [.init(type: "InternalIP", address: "192.168.1.6")]))
        #expect(state.take(changes(.node(node), web("b", 3)), look) == [key("a"), key("b")])
    }

    @Test("That any external IP is served is worth a word, once there is one and nobody has said which may be")
    mutating func externalIPs() {
        func external(_ address: String?) -> ClusterObject {
            .service(service("a", clusterIPs: ["10.96.0.1"]) { $0.externalIPs = address.map { [$0] } ?? [] })
        }
        serve(changes(web("b", 2)))
        #expect(state.warnings == [])
        serve(changes(external("203.0.113.7")))
        #expect(state.warnings.count == 1 && state.warnings[0].contains("--allowed-external-ips"))
        #expect(state.served([], limit: 64).warnings == state.warnings)
        serve(changes(external(nil)))
        #expect(state.warnings == [])
        var settings = Self.settings
        settings.allowedExternalIPs = [IPPrefix("203.0.113.0/24")].compactMap(\.self)
        state = NodeState(settings, isRedirecting: true)
        _ = state.take(ObjectChanges(), look)
        serve(changes(external("203.0.113.7")))
        #expect(state.warnings == [])
        #expect(
            state.services[key("a")]?.kernel.portals.contains { $0.place == .externalIP(ip("203.0.113.7")) } == true)
        serve(changes(external("203.0.112.7")))
        #expect(state.services[key("a")]?.kernel.portals.map(\.place) == [.clusterIP(ip("10.96.0.1"))])
        let problems = state.served([key("a")], limit: 64).services[key("a")].flatMap(\.self)?.problems
        #expect(
            problems?.map(\.description) == [
                "Service default/a: external IP 203.0.112.7 is refused: it is outside --allowed-external-ips"
            ])
    }

    @Test("Another attempt is made for what is in trouble, and for what matters since something was let go")
    mutating func retry() {
        serve(changes(web("a", 1), web("b", 2))) { key, _ in key.name == "a" }
        #expect(state.retry(look) == [key("a")])
        // What was a's address is a pod's of b now.
        let slice = slice(of: "b", ports: [.init(name: "http", port: 80)], [endpoint("10.96.0.1")])
        serve(changes(.endpointSlice(slice), gone: web("a", 1)))
        #expect(state.retry(look) == [])
        _ = state.rulesAreInForce(of: state.round, state.resolver.revision)
        #expect(state.retry(look) == [key("b")])
        #expect(Set(state.plan([]).keys) == [key("b")], "or with whatever is planned next")
    }

    @Test("What is not redirected since a program of this node has its port is tried again")
    mutating func held() {
        let own = service(status: [.init(ip: "192.168.1.6")]) {
            $0.type = .loadBalancer
            $0.loadBalancerSourceRanges = ["192.0.2.0/24"]
        }
        serve(changes(.service(own)), holder: "nginx (4711)")
        #expect(state.services[key("web")]?.held.map(\.subject) == ["default/web:http"])
        #expect(state.retry(look) == [key("web")])
    }

    @Test("What there was no room for is planned again when others give room back")
    mutating func room() {
        serve(changes(web("a", 1), web("b", 2)), as: .noRoom) { key, _ in key.name == "b" }
        #expect(Set(state.plan(state.take(changes(gone: web("a", 1)), look)).keys) == [key("a"), key("b")])
    }

    @Test("A proxy port goes to the next in line, whose door takes the place of one that rules still lead to")
    mutating func nextInLine() {
        serve(changes(web("a", 1), web("b", 2), web("c", 3)))
        #expect(state.services[key("c")]?.plan.problems.count == 1)
        let wanted = state.plan(state.take(changes(gone: web("a", 1)), look))
        #expect(Set(wanted.keys) == [key("a"), key("c")])
        #expect(doors(wanted[key("a")]).isEmpty && doors(wanted[key("c")]).count == 1)
        #expect(state.services[key("c")]?.plan.problems == [])
    }

    @Test("What a former process has handed over for a Service that is gone is given back")
    mutating func handedOver() {
        let id = ServicePortID(ServicePortName(namespace: "default", service: "gone"), .tcp)
        state.remember([(id, EndpointAddress(ip: ip("0.0.0.0"), port: 20_001))])
        #expect(Array(state.planner.servicesWithProxyPorts) == [key("gone")])
        serve(changes(web("a", 1)))
        #expect(Array(state.planner.servicesWithProxyPorts) == [key("a")])
    }

    @Test("A door that rules may still lead to stays through any number of changes, until they do not")
    mutating func left() {
        serve(changes(web("a", 1, nodePort: 30_007)))
        for number: UInt8 in [1, 2, 3] {
            serve(changes(web("a", number)))
            let doors = doors(state.wanted([key("a")])[key("a")])
            #expect(doors.count == 2 && doors.contains("0.0.0.0:30007"))
            #expect(state.services[key("a")]?.plannedStatus.flatMap(\.doors).count == 1, "nobody is told of it")
        }
        _ = state.rulesAreInForce(of: state.round, state.resolver.revision)
        #expect(!doors(state.wanted([key("a")])[key("a")]).contains("0.0.0.0:30007"))
    }

    @Test("A proxy port that somebody else has is replaced, and one that was asked for is not")
    mutating func inUse() {
        #expect(serve(changes(web("a", 1, nodePort: 30_007)), as: .inUse) { $1.role == .claim } == [])
        #expect(serve(changes(web("a", 2, nodePort: 30_007)), as: .inUse) { $1.role == .proxy } == [key("a")])
    }
}
