import Balancing
import Base
import Host
import Objects
import Resolution
import Status
import TestSupport
import Testing

@testable import Proxy

/// Which process serves which service port: values alone.
@Suite("Processes in place of endpoints") struct LocalServicesTests {
    private let key = ObjectKey(namespace: "default", name: "cart")

    private func port(
        _ name: String, _ number: UInt16, _ transport: TransportProtocol = .tcp, target: UInt16? = nil,
        pods: [String] = []
    ) -> LocalPort {
        let pods = pods.compactMap { EndpointAddress($0) }.map { ServiceEndpoint(address: $0) }
        let resolved = ServicePort(
            name: ServicePortName(namespace: "default", service: "cart", port: name), transport: transport,
            port: number,
            endpoints: EndpointSelection(ipv4: FamilySelection(cluster: pods, hasAny: !pods.isEmpty)))
        let spec = ServicePortSpec(
            name: name, transport: transport, port: number, targetPort: target.map(IntOrString.number))
        return LocalPort(resolved, [spec])
    }

    private func target(
        _ port: DevelopmentPlanner.Publication.Port? = nil, _ transport: TransportProtocol? = nil,
        at place: LocalTarget.Place = .port(3000, host: nil)
    ) -> LocalTarget {
        LocalTarget(
            namespace: "default", service: "cart", port: port, transport: transport, place: place, text: "--local X")
    }

    private func sight(
        _ listeners: (String, TransportProtocol, LocalSight.Owner)..., addresses: Set<IPAddress> = []
    ) -> LocalSight {
        LocalSight(
            Set(
                listeners.enumerated().compactMap { index, listener in
                    EndpointAddress(listener.0).map {
                        LocalSight.Listener(
                            ListeningSocket(address: $0, inode: UInt32(index)), listener.1, listener.2)
                    }
                }), addresses: addresses)
    }

    private func outcome(
        _ targets: LocalTarget..., ports: [LocalPort], sight: LocalSight = LocalSight(),
        hosts: [String: [IPAddress]] = [:], isLate: Bool = false
    ) -> LocalServices.Outcome {
        var locals = LocalServices(targets, fallback: .endpoints, command: "npm", sight: sight)
        locals.commandIsLate = isLate
        return locals.outcome(of: key, ports, hosts: hosts)
    }

    private func places(_ outcome: LocalServices.Outcome) -> [String] {
        outcome.states.sorted { $0.key < $1.key }.map { id, state in
            "\(id)\(state.addresses.isEmpty ? " waits for" : "") \(state.place)"
        }
    }

    // MARK: Where

    @Test(
        "It serves for as long as somebody listens where its clients would come to",
        arguments: [
            ("127.0.0.1:3000", "default/cart 127.0.0.1:3000"), ("0.0.0.0:3000", "default/cart 127.0.0.1:3000"),
            ("[::]:3000", "default/cart 127.0.0.1:3000"), ("[::1]:3000", "default/cart [::1]:3000"),
            ("127.0.0.2:3000", "default/cart waits for 127.0.0.1:3000"),
            ("127.0.0.1:3001", "default/cart waits for 127.0.0.1:3000"),
        ])
    func listening(_ socket: String, expected: String) {
        let found = outcome(target(), ports: [port("", 80)], sight: sight((socket, .tcp, .other)))
        #expect(places(found) == [expected] && found.problems.isEmpty && found.mistakes.isEmpty)
        let udp = outcome(target(), ports: [port("", 80)], sight: sight((socket, .udp, .other)))
        #expect(places(udp) == ["default/cart waits for 127.0.0.1:3000"], "of the other protocol")
    }

    @Test("Another loopback address counts if it is named; a host elsewhere is always used")
    func hosts() {
        let named = target(at: .port(3000, host: .address(ip("127.0.0.2"))))
        #expect(
            places(outcome(named, ports: [port("", 80)], sight: sight(("127.0.0.2:3000", .tcp, .other))))
                == ["default/cart 127.0.0.2:3000"])
        #expect(
            places(outcome(named, ports: [port("", 80)], sight: sight(("127.0.0.1:3000", .tcp, .other))))
                == ["default/cart waits for 127.0.0.2:3000"])
        let away = target(at: .port(3000, host: .address(ip("192.0.2.1"))))
        #expect(places(outcome(away, ports: [port("", 80)])) == ["default/cart 192.0.2.1:3000"])
        #expect(
            places(outcome(away, ports: [port("", 80)], sight: sight(addresses: [ip("192.0.2.1")])))
                == ["default/cart waits for 192.0.2.1:3000"], "it is this machine's")
        let name = target(at: .port(3000, host: .name("desk")))
        #expect(places(outcome(name, ports: [port("", 80)])) == ["default/cart waits for an address of desk"])
        #expect(
            places(outcome(name, ports: [port("", 80)], hosts: ["desk": [ip("192.0.2.1"), ip("192.0.2.2")]]))
                == ["default/cart 192.0.2.1:3000, 192.0.2.2:3000"])
    }

    @Test("Portico is never its own client, and says so")
    func own() {
        let found = outcome(target(), ports: [port("", 80)], sight: sight(("127.0.0.1:3000", .tcp, .own)))
        #expect(places(found) == ["default/cart waits for 127.0.0.1:3000"])
        #expect(found.problems.map(\.text) == ["127.0.0.1:3000 is where Portico itself listens: choose another port"])
        let both = sight(("127.0.0.1:3000", .tcp, .own), ("0.0.0.0:3000", .tcp, .other))
        #expect(places(outcome(target(), ports: [port("", 80)], sight: both)) == ["default/cart 127.0.0.1:3000"])
    }

    // MARK: Which port

    @Test("Of several ports the one that is named, or the one that the number fits; else the choices are named")
    func choice() {
        let ports = [
            port("grpc", 9090), port("http", 80, target: 3000), port("metrics", 9100, pods: ["10.0.0.1:3001"]),
        ]
        func chosen(_ target: LocalTarget) -> [String] {
            let found = outcome(target, ports: ports)
            return found.states.keys.map(\.name.port) + found.mistakes.map(\.text)
        }
        #expect(chosen(target(.name("grpc"))) == ["grpc"])
        #expect(chosen(target(.number(80))) == ["http"])
        #expect(chosen(target()) == ["http"], "by its target port")
        #expect(chosen(target(at: .port(9090, host: nil))) == ["grpc"], "by its number")
        #expect(chosen(target(at: .port(3001, host: nil))) == ["metrics"], "by what its pods have")
        #expect(
            chosen(target(at: .port(4000, host: nil))) == [
                "the Service has several ports, 9090/tcp (grpc), 80/tcp (http), 9100/tcp (metrics): name one, as in "
                    + "--local cart:grpc=4000"
            ])
        #expect(
            chosen(target(.name("web"))) == [
                "the Service has no such port; it has 9090/tcp (grpc), 80/tcp (http), 9100/tcp (metrics)"
            ])
        #expect(
            outcome(target(), ports: []).mistakes.map(\.text) == [
                "the Service has no ports: name one by its number, as in default/cart:80"
            ])
    }

    @Test("TCP is meant where both have the number, and UDP where it is all there is, or asked for")
    func transports() {
        let dns = [port("dns", 53, .udp), port("dns-tcp", 53)]
        func chosen(_ target: LocalTarget, _ ports: [LocalPort]) -> [String] {
            outcome(target, ports: ports).states.keys.map(\.name.port)
        }
        #expect(chosen(target(.number(53)), dns) == ["dns-tcp"])
        #expect(chosen(target(.number(53), .udp), dns) == ["dns"])
        #expect(chosen(target(), [dns[0]]) == ["dns"])
        #expect(outcome(target(nil, .tcp), ports: [dns[0]]).states.isEmpty)
    }

    @Test("What two ask for is a mistake")
    func twice() {
        let found = outcome(target(), target(.number(80)), ports: [port("", 80)])
        #expect(found.states.count == 1 && found.mistakes.count == 1)
    }

    // MARK: What the command listens on

    @Test("The command serves what its ports fit, and the only one with its only one")
    func command() {
        let ports = [port("grpc", 9090), port("http", 80, target: 3000)]
        func found(
            _ ports: [LocalPort], isLate: Bool = false, _ listeners: (String, TransportProtocol, LocalSight.Owner)...
        ) -> (places: [String], problems: [String]) {
            var all = LocalSight()
            for listener in listeners { all.listeners.formUnion(sight(listener).listeners) }
            let outcome = outcome(target(at: .command), ports: ports, sight: all, isLate: isLate)
            return (places(outcome), (outcome.problems + outcome.mistakes).map(\.text))
        }
        #expect(found([ports[1]]).places == ["default/cart:http waits for a port of npm"])
        #expect(found([ports[1]]).problems == [])
        #expect(found([ports[1]], isLate: true).problems == ["npm does not listen on any port so far"])
        #expect(
            found([ports[1]], ("0.0.0.0:4000", .tcp, .command), ("0.0.0.0:4001", .tcp, .other)).places
                == ["default/cart:http 127.0.0.1:4000"])
        let several = found([ports[1]], ("0.0.0.0:3000", .tcp, .command), ("127.0.0.1:9229", .tcp, .command))
        #expect(several.places == ["default/cart:http 127.0.0.1:3000"] && several.problems == [])
        #expect(
            found(ports, ("[::1]:3000", .tcp, .command), ("0.0.0.0:9090", .tcp, .command)).places
                == ["default/cart:grpc 127.0.0.1:9090", "default/cart:http [::1]:3000"], "one process for both")
        #expect(
            found(ports, ("0.0.0.0:3000", .tcp, .command)).places == ["default/cart:http 127.0.0.1:3000"],
            "the other stays with its pods")
        let unclear = found([ports[1]], ("0.0.0.0:4000", .tcp, .command), ("0.0.0.0:9229", .tcp, .command))
        #expect(unclear.places == ["default/cart:http waits for a port of npm"])
        #expect(
            unclear.problems == [
                "npm listens on ports 4000, 9229, and nothing says which is for 80/tcp (http): name it, as in "
                    + "--local cart:http=4000"
            ])
        #expect(found(ports, ("0.0.0.0:4000", .tcp, .command)).problems.count == 1)
        #expect(
            found([ports[1]], ("0.0.0.0:4000", .udp, .command)).places == ["default/cart:http waits for a port of npm"])
    }

    @Test("The only port of the command stays the Service's when it opens another one, for as long as it listens there")
    func debugger() {
        let ports = [port("http", 80, target: 3000)]
        var locals = LocalServices([target(at: .command)], fallback: .endpoints, command: "npm")
        func look(_ listeners: String...) -> (places: [String], problems: [Problem]) {
            locals.sight = LocalSight()
            for listener in listeners {
                locals.sight.listeners.formUnion(sight((listener, .tcp, .command)).listeners)
            }
            let outcome = locals.outcome(of: key, ports, hosts: [:])
            return (places(outcome), outcome.problems)
        }
        #expect(look("0.0.0.0:4000").places == ["default/cart:http 127.0.0.1:4000"])
        let both = look("0.0.0.0:4000", "127.0.0.1:9229")
        #expect(both.places == ["default/cart:http 127.0.0.1:4000"])
        #expect(
            both.problems.map(\.text) == [
                "npm listens on ports 4000, 9229, and nothing says which is for 80/tcp (http): 4000 is, since it was there first; "
                    + "if another one is meant name it, as in --local cart:http=9229"
            ])
        #expect(both.problems.map(\.severity) == [.warning], "it is served")
        #expect(look("0.0.0.0:4000").problems.isEmpty)
        // It restarts: the debugger listens first, and then nothing says any more which is which.
        #expect(look("127.0.0.1:9229", "127.0.0.1:9230").places == ["default/cart:http waits for a port of npm"])
        #expect(look("0.0.0.0:4000", "127.0.0.1:9229").places == ["default/cart:http waits for a port of npm"])
        // What fits needs no memory.
        #expect(look("0.0.0.0:4000", "0.0.0.0:3000").places == ["default/cart:http 127.0.0.1:3000"])
    }
}
