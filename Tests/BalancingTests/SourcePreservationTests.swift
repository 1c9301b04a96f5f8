import Balancing
import Base
import TestSupport
import Testing

@Suite("Source preservation")
struct SourcePreservationTests {
    @Test("Everybody but those who are excluded")
    func exclusion() throws {
        #expect(SourcePreservation().applies(to: ip("10.0.0.1")))
        let some = SourcePreservation(excluded: [
            try #require(IPPrefix("192.168.0.0/16")), try #require(IPPrefix("fd00::/8")),
        ])
        #expect(some.applies(to: ip("10.0.0.1")) && some.applies(to: ip("2001:db8::1")))
        #expect(!some.applies(to: ip("192.168.7.7")) && !some.applies(to: ip("fd00::1")))
    }

    @Test("Not across families, and not for an endpoint that is its own client")
    func endpoints() {
        let all = SourcePreservation()
        #expect(all.applies(to: ip("10.0.0.1"), at: ip("10.0.0.2")))
        #expect(!all.applies(to: ip("10.0.0.1"), at: ip("fd00::1")))
        #expect(!all.applies(to: ip("10.0.0.1"), at: ip("10.0.0.1")))
    }

    @Test("An endpoint that turns out to be on this machine is another endpoint")
    func movedEndpoint() {
        let address = EndpointAddress(ip: ip("10.0.0.1"), port: 80)
        let balancer = Balancer(inOrder: [Endpoint(address)])
        #expect(balancer.updated(with: [ServiceEndpoint(address: address)]) === balancer)
        let moved = balancer.updated(with: [ServiceEndpoint(address: address, isLocal: true)])
        #expect(moved.endpoints.map(\.isLocal) == [true])
        #expect(moved.updated(with: [ServiceEndpoint(address: address, isLocal: true)]) === moved)
    }

    @Test("Something that happens once has one who is first")
    func once() {
        let once = Once()
        #expect(once.isFirst())
        #expect(!once.isFirst())
    }
}
