import Balancing
import Base
import TestSupport
import Testing

@testable import Proxy

@Suite("Doors that stay for a while, and give way") struct PlannedPortTests {
    private func port(_ name: String, _ doors: UInt16...) -> PlannedPort {
        PlannedPort(
            id: ServicePortID(ServicePortName(namespace: "default", service: "web", port: name), .tcp), endpoints: [],
            doors: doors.map { PlannedDoor(address: EndpointAddress(ip: ip("10.0.0.1"), port: $0)) })
    }

    @Test("Old doors stay with their port, but for those where there is a new one")
    func keeping() {
        #expect([port("a", 1)].keeping([port("a", 1, 2), port("b", 3)]) == [port("a", 1, 2), port("b", 3)])
        #expect([port("a", 1)].keeping([port("b", 1)]) == [port("a", 1)], "no port without a door")
        #expect([port("a", 1)].keeping([]) == [port("a", 1)])
    }

    @Test("Of what has a door elsewhere the rest is left, of others nothing is different")
    func leaving() {
        let places = [port("x", 1)].places
        #expect([port("a", 1, 2), port("b", 1)].leaving(places) == [port("a", 2)])
        #expect([port("a", 2)].leaving(places) == nil)
    }
}
