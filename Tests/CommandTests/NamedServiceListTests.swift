import Balancing
import Base
import Cluster
import Names
import Objects
import Resolution
import Status
import Testing

@testable import Proxy
@testable import portico

/// What a session makes known of what it serves.
@Suite struct NamedServiceListTests {
    private func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private func port(
        _ name: String, _ number: UInt16, _ transport: TransportProtocol = .tcp, service: String = "web",
        at served: UInt16? = nil, isOpen: Bool = true
    ) throws -> PortStatus {
        let own = EndpointAddress(ip: try ip("127.64.0.1"), port: number)
        let listening = EndpointAddress(ip: own.ip, port: served ?? number)
        let published = EndpointAddress(ip: try ip("127.0.0.1"), port: 9999)
        return PortStatus(
            id: ServicePortID(ServicePortName(namespace: "default", service: service, port: name), transport),
            endpoints: [],
            doors: [
                DoorStatus(wanted: own, listening: isOpen ? listening : nil, problem: nil),
                DoorStatus(wanted: published, listening: published, problem: nil),
            ])
    }

    private func named(
        _ ports: [PortStatus], _ objects: ObjectChanges = ObjectChanges(), name: String = "web",
        standIn: (ServiceEndpoint) -> EndpointAddress? = { _ in nil }
    ) -> NamedService? {
        var resolver = Resolver(ResolutionContext(servesUnassigned: true, resolvesHeadless: true))
        _ = resolver.apply(objects)
        let key = ObjectKey(namespace: "default", name: name)
        return NamedService(
            ServedName(
                key: key, status: ServedService(ports: ports), service: resolver.store.service(key),
                resolved: resolver.services[key]), standIn)
    }

    private func objects(_ objects: ClusterObject...) -> ObjectChanges {
        objects.reduce(into: ObjectChanges()) { $0.update($1) }
    }

    @Test func portsAreInTheOrderOfTheManifest() throws {
        // The status has them by name.
        let status = [try port("a", 1), try port("b", 2, .udp), try port("b", 3)]
        let specs = [
            ServicePortSpec(name: "b", port: 3), ServicePortSpec(name: "a", port: 1),
            ServicePortSpec(name: "b", transport: .udp, port: 2),
        ]
        let service = Service(metadata: ObjectMeta(name: "web"), spec: ServiceSpec(ports: specs))
        #expect(
            named(status, objects(.service(service)))
                == NamedService(
                    name: "web",
                    form: .doors(
                        [try ip("127.64.0.1")],
                        [
                            .init(name: "b", port: 3), .init(name: "a", port: 1),
                            .init(name: "b", transport: .udp, port: 2),
                        ])))
    }

    @Test func theNumberIsTheOneThatIsServed() throws {
        let address = try ip("127.64.0.1")
        #expect(
            named([try port("", 80, at: 8080)])
                == NamedService(name: "web", form: .doors([address], [.init(port: 80, servedPort: 8080)])))
        #expect(
            named([try port("", 81, isOpen: false)])
                == NamedService(name: "web", form: .doors([address], [.init(port: 81)])))
    }

    @Test func headlessServicesAreKnownByTheirEndpoints() throws {
        let slice = EndpointSlice(
            metadata: ObjectMeta(name: "db-1", labels: [WellKnownLabel.serviceName: "db"]),
            endpoints: [
                .init(address: try ip("10.0.0.1"), podName: "pod", hostname: "host"),
                .init(address: try ip("10.0.0.2"), podName: "pod"), .init(address: try ip("10.0.0.3")),
            ], ports: [.init(name: "sql", port: 5432)])
        let spec = ServiceSpec(ports: [.init(name: "sql", port: 1)], clusterIPs: [.none])
        let objects = objects(
            .service(Service(metadata: ObjectMeta(name: "db"), spec: spec)), .endpointSlice(slice))
        let standIn = EndpointAddress(ip: try ip("127.0.0.1"), port: 4000)
        let expected = NamedService(
            name: "db",
            form: .endpoints([
                .init(
                    name: "sql",
                    endpoints: [
                        .init(name: "host", address: EndpointAddress(ip: try ip("10.0.0.1"), port: 5432)),
                        .init(name: "pod", address: standIn),
                        .init(name: "10-0-0-3", address: EndpointAddress(ip: try ip("10.0.0.3"), port: 5432)),
                    ])
            ]))
        let second = try ip("10.0.0.2")
        let found = named([], objects, name: "db") { $0.address.ip == second ? standIn : nil }
        #expect(found == expected)
        #expect(named([], name: "db") == nil)
        guard case .doors = named([try port("", 80, service: "db")], objects, name: "db")?.form else {
            return #expect(Bool(false), "--service takes its place")
        }
    }
}
