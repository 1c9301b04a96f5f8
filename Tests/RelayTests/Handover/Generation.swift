import EventLoop
import Services
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
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), transport)
        let balancer = RelayHarness.balancer(endpoints)
        await relay.serve(id, with: balancer)
        let address = try await relay.open(id, on: .loopback(0)).address
        return try Generation(relay, id, address, path, balancer)
    }

    /// The next one, which has taken over when this returns; this one has let go, and not drained yet.
    func replaced(workers: Int = 2) async throws -> Generation {
        let inheritance = try #require(try await Handover.take(from: path))
        #expect(inheritance.doors == [Inheritance.Door(port: id, address: address)])
        let next = try Relay(RelayConfiguration(workers: workers, budget: DescriptorBudget(limit: 4096)))
        await next.inherit(inheritance)
        await next.serve(id, with: balancer)
        #expect(try await next.open(id, on: address).address == address)
        await next.settle()
        async let succeeded = server.successor()
        try await inheritance.confirm()
        #expect(await succeeded)
        await relay.letGo()
        #expect(await next.releaseUnclaimed() == 0)
        return try Generation(next, id, address, path, balancer)
    }

    var counters: PortCounters {
        get async { await relay.snapshot().ports[id] ?? PortCounters() }
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
