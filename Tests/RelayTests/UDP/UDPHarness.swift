import Balancing
import Base
import Relay
import TestSupport

/// A relay with one UDP service port, which takes its endpoints from loopback unless told otherwise.
struct UDPHarness {
    static let id = ServicePortID(ServicePortName(namespace: "default", service: "dns"), .udp)

    let relay: Relay
    let port: UInt16

    init(
        _ ports: [UInt16], on ip: IPAddress = IPAddress(v4: 0x7F00_0001), udpTimeout: UInt64? = nil, workers: Int = 2,
        descriptors: Int = 1024
    ) async throws {
        try await self.init(
            Self.balancer(ports), on: ip, udpTimeout: udpTimeout, workers: workers, descriptors: descriptors)
    }

    init(
        _ balancer: Balancer, on ip: IPAddress = IPAddress(v4: 0x7F00_0001), udpTimeout: UInt64? = nil,
        workers: Int = 2, descriptors: Int = 1024, report: @escaping @Sendable (RelayEvent) -> Void = { _ in }
    ) async throws {
        var configuration = RelayConfiguration(workers: workers, budget: DescriptorBudget(limit: descriptors))
        configuration.udpTimeout = udpTimeout
        relay = try Relay(configuration, report: report)
        await relay.serve(Self.id, with: balancer)
        port = try await relay.open(Self.id, on: EndpointAddress(ip: ip, port: 0)).address.port
    }

    var counters: PortCounters {
        get async { await relay.settledSnapshot().ports[Self.id] ?? PortCounters() }
    }

    /// Gives the service port other endpoints, and returns when every worker knows.
    func change(to ports: [UInt16]) async {
        await relay.serve(Self.id, with: Self.balancer(ports))
        await relay.settle()
    }

    static func balancer(_ ports: [UInt16]) -> Balancer {
        Balancer(inOrder: ports.map { Endpoint(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: $0)) })
    }
}
