import Balancing
import Base
import Relay
import TestSupport
import Testing

/// A relay with one service port on a loopback door, as most tests want it.
struct RelayHarness {
    let relay: Relay
    let id: ServicePortID
    let door: Relay.DoorID
    let port: UInt16
    let events: Locked<[RelayEvent]>

    /// - Parameter endpoints: ports on 127.0.0.1, asked in this order.
    init(
        endpoints: [UInt16], workers: Int = 2, budget: DescriptorBudget = DescriptorBudget(limit: 4096),
        configure: (inout RelayConfiguration) -> Void = { _ in }
    ) async throws {
        var configuration = RelayConfiguration(workers: workers, budget: budget)
        configuration.reportsConnections = true
        configure(&configuration)
        let events = Locked<[RelayEvent]>([])
        relay = try Relay(configuration) { event in events.withLock { $0.append(event) } }
        self.events = events
        id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        await relay.serve(id, with: Self.balancer(endpoints))
        let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)
        let opened = try await relay.open(id, on: loopback)
        door = opened.door
        port = opened.address.port
    }

    /// A relay that comes and goes.
    static func warmUp() async {
        let relay = try? Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 256)))
        _ = await eventually { true }
        await relay?.settle()
        await relay?.stop()
    }

    static func balancer(_ ports: [UInt16]) -> Balancer {
        Balancer(inOrder: ports.map { Endpoint(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: $0)) })
    }

    func client(_ script: PeerStep..., options: SocketOptions = .default) throws -> ScriptedPeer {
        try ScriptedPeer.connect(to: port, options: options, script: script)
    }

    /// What one client is told that only listens.
    func answer() async throws -> String {
        try await client(.receiveAll).finished().received.text
    }

    /// Whether a client that only listens is reset: as it reads, or so soon that its connect tells of it already.
    func isReset() async throws -> Bool {
        let report = await (try client(.receiveReset)).report()
        return report.sawReset || report.failure?.reason.isReset == true
    }

    var counters: PortCounters {
        get async { await relay.settledSnapshot().ports[id] ?? PortCounters() }
    }

    var dialFailures: [DialFailure] {
        events.withLock { $0.compactMap { if case .dialFailed(let failure) = $0 { failure } else { nil } } }
    }

    var records: [ConnectionRecord] {
        events.withLock { $0.compactMap { if case .connectionEnded(let record) = $0 { record } else { nil } } }
    }

    /// Ends the relay; every loop must have closed all that it had.
    func stop() async {
        #expect(await relay.stop(), "uv_loop_close found open handles")
    }
}

extension Relay {
    /// All counters, once every worker has done what it was at: a client may have its answer a moment before that is counted.
    func settledSnapshot() async -> RelaySnapshot {
        await settle()
        return snapshot()
    }
}
