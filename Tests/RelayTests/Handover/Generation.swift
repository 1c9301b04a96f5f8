import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// A relay with one service port, and the server that hands it over: one of several that follow each other at a path, as
/// processes do.
final class Generation: Sendable {
    let relay: Relay
    let id: ServicePortID
    let address: EndpointAddress
    let server: HandoverServer
    private let path: String
    private let balancer: Balancer

    private init(
        _ relay: Relay, _ id: ServicePortID, _ address: EndpointAddress, _ path: String, _ balancer: Balancer
    )
        throws
    {
        (self.relay, self.id, self.address, self.path, self.balancer) = (relay, id, address, path, balancer)
        server = try HandoverServer(path: path, relay: relay)
    }

    /// The first one, which opens its door by itself.
    static func first(
        at path: String, _ transport: TransportProtocol = .tcp, endpoints: [UInt16], workers: Int = 2,
        descriptors: Int = 4096, udpTimeout: UInt64? = nil
    ) async throws -> Generation {
        var configuration = RelayConfiguration(workers: workers, budget: DescriptorBudget(limit: descriptors))
        configuration.udpTimeout = udpTimeout
        let relay = try Relay(configuration)
        let id = id(transport)
        let balancer = RelayHarness.balancer(endpoints)
        await relay.serve(id, with: balancer)
        let address = try await relay.open(id, on: .loopback(0)).address
        return try Generation(relay, id, address, path, balancer)
    }

    /// The next one, which has taken over when this returns; this one has let go, and not drained yet.
    func replaced(workers: Int = 2) async throws -> Generation {
        async let succeeded = server.successor()
        let next = try await Self.successor(
            at: path, id.transport, port: address.port, endpoints: balancer.endpoints.map(\.address.port),
            workers: workers)
        #expect(await succeeded)
        await relay.letGo()
        return next
    }

    /// Takes over from whatever process is at the path.
    static func successor(
        at path: String, _ transport: TransportProtocol = .tcp, port: UInt16, endpoints: [UInt16], workers: Int
    ) async throws -> Generation {
        let (id, address) = (id(transport), EndpointAddress.loopback(port))
        // A process that has just taken over listens there in a moment.
        var taken: Inheritance?
        _ = try await eventually {
            taken = try await Handover.take(from: path)
            return taken != nil
        }
        let inheritance = try #require(taken)
        #expect(inheritance.doors == [Inheritance.Door(port: id, address: address)])
        let relay = try Relay(RelayConfiguration(workers: workers, budget: DescriptorBudget(limit: 4096)))
        let balancer = RelayHarness.balancer(endpoints)
        await relay.inherit(inheritance)
        await relay.serve(id, with: balancer)
        #expect(try await relay.open(id, on: address).address == address)
        await relay.settle()
        try await inheritance.confirm()
        #expect(await relay.releaseUnclaimed() == 0)
        return try Generation(relay, id, address, path, balancer)
    }

    private static func id(_ transport: TransportProtocol) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: "web"), transport)
    }

    var counters: PortCounters {
        get async { await relay.settledSnapshot().ports[id] ?? PortCounters() }
    }

    /// What a client is told that only listens.
    func answer() async throws -> String {
        try await ScriptedPeer.connect(to: address.port, script: [.receiveAll]).finished().received.text
    }

    /// Ends as a process that was replaced or told to end does.
    func end(within limit: Duration = .seconds(10)) async {
        #expect(await relay.drain(within: limit) == 0)
        server.close()
        #expect(await relay.stop())
    }
}

extension EndpointAddress {
    static func loopback(_ port: UInt16) -> EndpointAddress {
        EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: port)
    }
}
