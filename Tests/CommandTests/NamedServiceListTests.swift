import Balancing
import Base
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

    private func state(_ ports: [ServicePortSpec]) -> ClusterState {
        ClusterState(services: [Service(metadata: ObjectMeta(name: "web"), spec: ServiceSpec(ports: ports))])
    }

    private func list(
        _ ports: [PortStatus], _ state: ClusterState = ClusterState(),
        edit: (inout DevelopmentProxy.Settings) -> Void = { _ in }
    ) -> [NamedService] {
        var settings = DevelopmentProxy.Settings()
        edit(&settings)
        return NamedService.list(state, ports, settings)
    }

    @Test func portsAreInTheOrderOfTheManifest() throws {
        // The status has them by name.
        let status = [try port("a", 1), try port("b", 2, .udp), try port("b", 3)]
        let specs = [
            ServicePortSpec(name: "b", port: 3), ServicePortSpec(name: "a", port: 1),
            ServicePortSpec(name: "b", transport: .udp, port: 2),
        ]
        #expect(
            list(status, state(specs)) == [
                NamedService(
                    name: "web",
                    form: .doors(
                        [try ip("127.64.0.1")],
                        [
                            .init(name: "b", port: 3), .init(name: "a", port: 1),
                            .init(name: "b", transport: .udp, port: 2),
                        ]))
            ])
    }

    @Test func theNumberIsTheOneThatIsServed() throws {
        let status = [try port("", 80, at: 8080), try port("", 81, service: "other", isOpen: false)]
        #expect(
            list(status) == [
                NamedService(name: "other", form: .doors([try ip("127.64.0.1")], [.init(port: 81)])),
                NamedService(name: "web", form: .doors([try ip("127.64.0.1")], [.init(port: 80, servedPort: 8080)])),
            ])
    }

    @Test func headlessServicesAreKnownByTheirEndpoints() throws {
        let slice = EndpointSlice(
            metadata: ObjectMeta(name: "db-1", labels: [WellKnownLabel.serviceName: "db"]),
            endpoints: [
                .init(address: try ip("10.0.0.1"), podName: "pod", hostname: "host"),
                .init(address: try ip("10.0.0.2"), podName: "pod"), .init(address: try ip("10.0.0.3")),
            ], ports: [.init(name: "sql", port: 5432)])
        let spec = ServiceSpec(ports: [.init(name: "sql", port: 1)], clusterIPs: [.none])
        let state = ClusterState(
            services: [Service(metadata: ObjectMeta(name: "db"), spec: spec)], endpointSlices: [slice])
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
        #expect(list([], state) { $0.standIn = { $0.address.ip == second ? standIn : nil } } == [expected])
        #expect(list([], state) { $0.includes = { _ in false } } == [])
        #expect(list([try port("", 80, service: "db")], state).count == 1, "--service takes its place")
    }
}
