import Balancing
import Base
import Objects
import Resolution
import Status
import Testing

@testable import Proxy

@Suite struct DevelopmentPlannerTests {
    private func port(
        _ service: String, _ number: UInt16, name: String = "", _ transport: TransportProtocol = .tcp,
        endpoints: [String] = ["10.244.2.3:80"]
    ) -> ServicePort {
        let list = endpoints.compactMap { EndpointAddress($0) }.map { ServiceEndpoint(address: $0, podName: "pod") }
        return ServicePort(
            name: ServicePortName(namespace: "default", service: service, port: name), transport: transport,
            port: number,
            endpoints: EndpointSelection(ipv4: FamilySelection(cluster: list, hasAny: !list.isEmpty)))
    }

    private func publication(
        _ service: String, _ port: DevelopmentPlanner.Publication.Port, at address: String? = nil, _ local: UInt16,
        _ transport: TransportProtocol = .tcp
    ) -> DevelopmentPlanner.Publication {
        DevelopmentPlanner.Publication(
            namespace: "default", service: service, port: port, transport: transport,
            address: address.flatMap { IPAddress($0) }, localPort: local)
    }

    /// The plans of all Services of these ports, as one.
    private func plan(
        _ ports: [ServicePort], by planner: inout DevelopmentPlanner,
        standIn: (ServiceEndpoint) -> EndpointAddress? = { _ in nil }
    ) -> ServicePlan {
        var sum = ServicePlan()
        var keys: [ObjectKey] = []
        for port in ports where !keys.contains(key(port.name.service)) { keys.append(key(port.name.service)) }
        for key in keys {
            let plan = planner.plan(key, ports.filter { $0.name.service == key.name }, standIn: standIn)
            sum.ports += plan.ports
            sum.notes += plan.notes
        }
        return sum
    }

    private func key(_ service: String) -> ObjectKey { ObjectKey(namespace: "default", name: service) }

    @Test func everyServicePortKeepsItsNumberOnItsServicesAddress() {
        var planner = DevelopmentPlanner()
        let plan = self.plan(
            [port("web", 80, name: "http"), port("web", 443, name: "https"), port("db", 5432)], by: &planner)
        let doors = plan.ports.map { $0.doors.map(\.address) }
        #expect(doors.map { $0.map(\.port) } == [[80], [443], [5432]])
        #expect(doors[0][0].ip == doors[1][0].ip, "the ports of one Service share its address")
        #expect(doors[0][0].ip != doors[2][0].ip)
        #expect(plan.ports.allSatisfy { $0.doors.map(\.fallback) == [.anotherPort] }, "if others have the number")
        #expect(plan.notes.isEmpty)
    }

    @Test func tcpAndUDPOnOneNumberAreTwoThings() {
        var planner = DevelopmentPlanner()
        let plan = self.plan([port("dns", 53, name: "dns-tcp"), port("dns", 53, name: "dns", .udp)], by: &planner)
        #expect(plan.ports.map(\.id.transport) == [.tcp, .udp])
        #expect(plan.ports[0].doors == plan.ports[1].doors && plan.notes.isEmpty)
    }

    @Test func whatAServiceAsksForIsPlanned() {
        var planner = DevelopmentPlanner(balancing: .random)
        var asking = port("web", 80)
        asking.affinity = .clientIP(seconds: 60)
        asking.options = ServiceOptions(
            balancing: .leastConnections, holdSeconds: 5, proxyProtocol: .v1, udpReplies: 1)
        let plan = self.plan([asking, port("db", 5432)], by: &planner)
        #expect(
            plan.ports[0].policy
                == ServicePolicy(
                    affinity: .clientIP(seconds: 60), balancing: .leastConnections, holdSeconds: 5, proxyProtocol: .v1,
                    udpReplies: 1))
        #expect(plan.ports[1].policy == ServicePolicy(balancing: .random), "the default is for those that do not say")
        #expect(plan.notes.isEmpty)

        var datagrams = port("dns", 53, .udp)
        datagrams.options = ServiceOptions(proxyProtocol: .v1)
        #expect(self.plan([datagrams], by: &planner).notes.count == 1, "version 1 knows no UDP")
    }

    @Test func aPublicationAddsDoorsOnBothLoopbackAddresses() {
        var planner = DevelopmentPlanner(publications: [publication("web", .number(80), 10_000)])
        let plan = self.plan([port("web", 80)], by: &planner)
        #expect(plan.ports[0].doors.dropFirst().map(\.address.description) == ["127.0.0.1:10000", "[::1]:10000"])
        #expect(
            plan.ports[0].doors.dropFirst().map(\.fallback) == [.none, .absence],
            "the number was asked for, and a machine may have no IPv6")
    }

    @Test func aPublicationThatCannotBeHadIsAFailure() throws {
        let planner = DevelopmentPlanner(publications: [publication("web", .number(80), at: "127.0.0.9", 81)])
        let wanted = try #require(EndpointAddress("127.0.0.9:81"))
        let own = try #require(EndpointAddress("127.64.0.1:80"))
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        func failures(_ door: EndpointAddress, listening: EndpointAddress?) -> [String] {
            let door = DoorStatus(wanted: door, listening: listening, problem: "taken")
            return planner.failedPublications(key("web"), [PortStatus(id: id, doors: [door])])
        }
        #expect(failures(wanted, listening: nil) == ["--publish default/web: taken"])
        #expect(failures(wanted, listening: wanted) == [] && failures(own, listening: nil) == [])
    }

    @Test("A process of this machine has the clients, and the endpoints in reserve; or they have what it does not")
    func local() throws {
        var planner = DevelopmentPlanner()
        let web = port("web", 80, endpoints: ["10.0.0.1:80", "10.0.0.2:80"])
        let id = ServicePortID(web.name, .tcp)
        let here = try #require(EndpointAddress("127.0.0.1:3000"))
        func planned(_ state: LocalState) throws -> PlannedPort {
            try #require(planner.plan(key("web"), [web], locals: [id: state]).ports.first)
        }
        let pods = web.endpoints.ipv4.cluster
        let serving = try planned(LocalState([here], fallback: .endpoints))
        #expect(serving.endpoints.map(\.address) == [here] && serving.reserve == pods)
        #expect(serving.local == LocalStatus(place: "127.0.0.1:3000", isServing: true))
        #expect(serving.doors == planner.plan(key("web"), [web]).ports[0].doors, "at the same address as ever")
        let waiting = try planned(LocalState(waitingFor: "127.0.0.1:3000", fallback: .endpoints))
        #expect(waiting.endpoints == pods && waiting.reserve == [] && waiting.local?.isServing == false)
        #expect(try planned(LocalState([here], fallback: .refuse)).reserve == [])
        #expect(try planned(LocalState(waitingFor: "x", fallback: .refuse)).endpoints == [])
    }

    @Test func aPublicationMayNameThePortAndTheAddress() {
        var planner = DevelopmentPlanner(publications: [publication("web", .name("http"), at: "127.0.0.9", 0)])
        let plan = self.plan([port("web", 443, name: "https"), port("web", 80, name: "http")], by: &planner)
        #expect(plan.ports.map(\.doors.count) == [1, 2])
        #expect(plan.ports[1].doors[1].address.description == "127.0.0.9:0")
    }

    @Test func aPublicationThatMatchesNothingSaysWhatThereIs() {
        let planner = DevelopmentPlanner(publications: [
            publication("web", .number(81), 1), publication("web", .number(80), 2, .udp),
            publication("wbe", .name("http"), 3),
        ])
        let web = [port("web", 80, name: "http")]
        #expect(
            planner.missingPublications { $0 == key("web") ? web : [] } == [
                "--publish default/web:81: the Service has no such port; it has 80/tcp (http)",
                "--publish default/web:80/udp: the Service has no such port; it has 80/tcp (http)",
                "--publish default/wbe:http: there is no such Service (yet)",
            ])
    }

    @Test func aStandInIsDialledInPlaceOfThePod() throws {
        var planner = DevelopmentPlanner()
        let pod = EndpointAddress(ip: IPAddress(v4: 0x0AF4_0203), port: 80)
        let standIn = try #require(EndpointAddress("127.0.0.1:34567"))
        let plan = self.plan([port("web", 80)], by: &planner) { endpoint in
            endpoint.address.description == "10.244.2.3:80" ? standIn : nil
        }
        #expect(
            plan.ports[0].endpoints == [ServiceEndpoint(address: pod, podName: "pod")]
                && plan.ports[0].standIns == [pod: standIn])
    }

    @Test(
        arguments: [(80, [80, 8080, 8081]), (443, [443, 8443, 8444]), (5432, [5432, 5433, 5434])]
            as [(UInt16, [UInt16])])
    func anotherPortIsEightThousandHigherOrTheNext(port: UInt16, expected: [UInt16]) {
        let address = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: port)
        #expect(Array(PlannedDoor(address: address, fallback: .anotherPort).candidates.prefix(3)) == expected)
        #expect(PlannedDoor(address: address, fallback: .none).candidates == [port])
    }

    @Test func candidatesEndAtTheLastPort() {
        let address = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 65_534)
        #expect(PlannedDoor(address: address, fallback: .anotherPort).candidates == [65_534, 65_535])
    }
}
