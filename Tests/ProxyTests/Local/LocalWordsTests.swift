import Balancing
import Base
import Objects
import Resolution
import Status
import TestSupport
import Testing

@testable import Proxy

/// What people are told of processes that serve service ports.
@Suite("Processes in place of endpoints, in words") struct LocalWordsTests {
    private let key = ObjectKey(namespace: "default", name: "cart")
    private let id = ServicePortID(ServicePortName(namespace: "default", service: "cart"), .tcp)

    private func target(
        _ port: DevelopmentPlanner.Publication.Port? = nil, _ transport: TransportProtocol? = nil,
        at place: LocalTarget.Place = .port(3000, host: nil)
    ) -> LocalTarget {
        LocalTarget(
            namespace: "default", service: "cart", port: port, transport: transport, place: place, text: "--local X")
    }

    @Test("A Service that is not there is a problem that names those which are nearly called so")
    func missing() {
        let locals = LocalServices([target()], fallback: .endpoints, command: "")
        func text(_ names: String...) -> [String] {
            let keys = names.map { name in
                let parts = name.split(separator: "/")
                return ObjectKey(namespace: String(parts[0]), name: String(parts[1]))
            }
            return locals.missing(among: keys) { keys.contains($0) }.map(\.description)
        }
        #expect(text("default/cart") == [])
        #expect(text("default/web") == ["--local X: there is no Service default/cart (yet)"])
        #expect(text("default/crat") == ["--local X: there is no Service default/cart (yet); there is default/crat"])
        #expect(
            text("default/web", "default/card", "shop/cart", "default/cart-service", "default/catalogue", "a/carts")
                == [
                    "--local X: there is no Service default/cart (yet); there is default/card, shop/cart, default/cart-service"
                ])
    }

    @Test("A Service without an address gets one: its ports, with its pods")
    func headless() {
        var service = Service(metadata: ObjectMeta(name: "db", namespace: "default"), spec: ServiceSpec())
        service.spec.ports = [ServicePortSpec(name: "sql", port: 5432)]
        let pod = ServiceEndpoint(address: EndpointAddress(ip: ip("10.0.0.1"), port: 5432))
        let ports = service.ports(for: [target()], headless: [HeadlessPort(name: "sql", endpoints: [pod])])
        #expect(ports.map(\.port) == [5432] && ports.first?.endpoints.ipv4.cluster == [pod])
        #expect(service.ports(for: [], headless: []).isEmpty)
        service.spec.ports = []
        #expect(service.ports(for: [target(.number(5432))], headless: []).map(\.port) == [5432])
        #expect(service.ports(for: [target()], headless: []).isEmpty)
    }

    @Test("One line when a process takes a service port up, and one when that goes back to others")
    func news() {
        func status(_ isServing: Bool, endpoints: Int = 2) -> [PortStatus] {
            let pod = ServiceEndpoint(address: EndpointAddress(ip: ip("10.0.0.1"), port: 80))
            return [
                PortStatus(
                    id: id, endpoints: Array(repeating: pod, count: endpoints),
                    local: LocalStatus(place: "127.0.0.1:3000", isServing: isServing))
            ]
        }
        var news = LocalNews(fallback: .endpoints)
        #expect(news.update(key, status(false)) == [])
        #expect(news.update(key, status(true)) == ["default/cart: 127.0.0.1:3000 has its clients from now on"])
        #expect(news.update(key, status(true)) == [])
        let over = "default/cart: nothing listens on 127.0.0.1:3000 any more: "
        #expect(news.update(key, status(false)) == [over + "back to 2 endpoints"])
        #expect(news.update(key, []) == [] && news.update(key, status(true)).count == 1)
        #expect(news.update(key, status(false, endpoints: 1)) == [over + "back to 1 endpoint"])
        _ = news.update(key, status(true))
        #expect(
            news.update(key, status(false, endpoints: 0))
                == [over + "it has no endpoints to go back to, and clients are refused until something does"])
        var strict = LocalNews(fallback: .refuse)
        _ = strict.update(key, status(true))
        #expect(
            strict.update(key, status(false, endpoints: 0))
                == [over + "clients are refused until something does (--local-fallback refuse)"])
    }

    @Test("That addresses of Services keep a process from all addresses is said once")
    func warning() throws {
        func warnings(_ target: LocalTarget, _ doors: String..., targetPort: UInt16 = 80) throws -> [String] {
            var locals = LocalServices([target], fallback: .endpoints, command: "npm")
            let spec = ServicePortSpec(port: 80, targetPort: .number(targetPort))
            _ = locals.outcome(of: key, [LocalPort(ServicePort(name: id.name, port: 80), [spec])], hosts: [:])
            for (index, door) in doors.enumerated() {
                let address = try #require(EndpointAddress(door))
                let status = DoorStatus(wanted: address, listening: address, problem: nil)
                locals.update(ObjectKey(namespace: "a", name: "s\(index)"), [PortStatus(id: id, doors: [status])])
            }
            return locals.warnings
        }
        let rest = " can listen there at 127.0.0.1 or ::1, but not at all addresses, where it is in use"
        #expect(
            try warnings(target(), "127.64.0.1:3000", "127.64.0.2:80", "127.64.0.3:3000", "127.64.0.4:3000") == [
                "Portico has port 3000 at 127.64.0.1 and 2 more addresses: a process for --local X" + rest
            ])
        #expect(try warnings(target(), "127.64.0.1:80") == [])
        #expect(try warnings(target(at: .port(3000, host: .address(ip("192.0.2.1")))), "127.64.0.1:3000") == [])
        #expect(
            try warnings(target(at: .command), "127.64.0.1:8080", targetPort: 8080)
                == ["Portico has port 8080 at 127.64.0.1: npm" + rest])
    }
}
