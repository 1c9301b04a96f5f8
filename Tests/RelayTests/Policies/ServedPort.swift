import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// A relay with one service port and a door on loopback, and notes of all that it reports.
final class ServedPort: Sendable {
    let relay: Relay
    let id: ServicePortID
    let port: UInt16
    private let told: Locked<[RelayEvent]>

    /// - Parameter change: made to the relay's settings.
    init(
        _ balancer: Balancer, _ policy: ServicePolicy = ServicePolicy(), transport: TransportProtocol = .tcp,
        workers: Int = 2, on host: String = "127.0.0.1", _ change: (inout RelayConfiguration) -> Void = { _ in }
    ) async throws {
        var configuration = RelayConfiguration(workers: workers, budget: DescriptorBudget(limit: 4096))
        configuration.reportsConnections = true
        change(&configuration)
        let told = Locked<[RelayEvent]>([])
        relay = try Relay(configuration) { event in told.withLock { $0.append(event) } }
        id = ServicePortID(ServicePortName(namespace: "default", service: "web"), transport)
        self.told = told
        await relay.serve(id, with: balancer, policy: policy)
        let ip = try #require(IPAddress(host))
        port = try await relay.open(id, on: EndpointAddress(ip: ip, port: 0)).address.port
    }

    var events: [RelayEvent] { told.withLock { $0 } }

    /// How the connections that have ended did so.
    var outcomes: [ConnectionRecord.Outcome] {
        events.compactMap { event in
            if case .connectionEnded(let record) = event { record.outcome } else { nil }
        }
    }

    var counters: PortCounters {
        get async { await relay.settledSnapshot().ports[id] ?? PortCounters() }
    }

    /// Gives the service port other endpoints or another policy.
    func serve(_ balancer: Balancer, _ policy: ServicePolicy = ServicePolicy()) async {
        await relay.serve(id, with: balancer, policy: policy)
        // Every worker has carried out what came before this by the time it answers.
        await relay.settle()
    }

    /// What the endpoint says that a new client from `source` gets.
    func ask(from source: String? = nil) async throws -> String {
        let client = try ScriptedPeer.connect(to: port, from: source, script: [.receiveAll])
        return try await client.finished().received.text
    }
}

extension Endpoint {
    /// The endpoint at a port of this machine.
    static func local(_ port: UInt16, name: String = "", on host: String = "127.0.0.1") throws -> Endpoint {
        Endpoint(EndpointAddress(ip: try #require(IPAddress(host)), port: port), podName: name)
    }
}
