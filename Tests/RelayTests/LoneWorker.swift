import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// One worker without a relay around it: clients can queue up before it runs at all, and it can run on a thread that lacks
/// something.
final class LoneWorker: Sendable {
    let worker: Worker
    private let told: Locked<[RelayEvent]>
    private let thread = Locked<LoopThread?>(nil)

    /// - Parameters:
    ///   - configure: changes its settings.
    ///   - react: called on the worker's thread, for each event.
    init(
        configure: (inout RelayConfiguration) -> Void = { _ in },
        react: @escaping @Sendable (RelayEvent) -> Void = { _ in }
    ) throws {
        IgnoredSignals.ignoreBrokenPipes()
        var configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 4096))
        configuration.reportsConnections = true
        configure(&configuration)
        let told = Locked<[RelayEvent]>([])
        self.told = told
        worker = try Worker(configuration: configuration) { event in
            told.withLock { $0.append(event) }
            react(event)
        }
    }

    /// Opens a service port on loopback, before the worker runs; returns the port.
    func open(
        _ service: String = "web", _ transport: TransportProtocol = .tcp, endpoints: [UInt16], listens: Bool = true
    ) throws -> UInt16 {
        let id = ServicePortID(ServicePortName(namespace: "default", service: service), transport)
        worker.serve(id, by: ServiceRoute(RelayHarness.balancer(endpoints), ServicePolicy()))
        let socket =
            transport == .udp
            ? try UDPSocket.bind(to: .loopback(port: 0), shared: true)
            : listens
                ? try TCPSocket.listen(on: .loopback(port: 0))
                : try TCPSocket.bind(to: .loopback(port: 0), shared: false)
        let port = try TCPSocket.localAddress(of: socket).port
        worker.listen(UInt32(port), socket, for: id)
        return port
    }

    /// Runs the worker, after `prologue`, on a thread of its own.
    func run(_ prologue: @escaping @Sendable () -> Void = {}) throws {
        let started = try LoopThread(name: "lone worker") { [worker] in
            prologue()
            worker.run()
        }
        thread.withLock { $0 = started }
    }

    /// Does something on the worker's thread.
    func perform<Value: Sendable>(_ work: @escaping @Sendable (Worker) -> Value) async throws -> Value {
        // Told by another thread, since the worker's may be in a network of its own.
        let done = Completion<Value?>()
        if !worker.loop.execute({ [worker] in done.finish(work(worker)) }) { done.finish(nil) }
        return try #require(await done.value)
    }

    /// The listeners that did not work.
    var failures: [SystemError] {
        told.withLock { $0.compactMap { if case .listenerFailed(_, let error) = $0 { error } else { nil } } }
    }

    var dialFailures: [DialFailure] {
        told.withLock { $0.compactMap { if case .dialFailed(let failure) = $0 { failure } else { nil } } }
    }

    /// The connections that have ended, in that order.
    var records: [ConnectionRecord] {
        told.withLock { $0.compactMap { if case .connectionEnded(let record) = $0 { record } else { nil } } }
    }

    /// What it has counted so far, once it has done what it was asked to.
    var total: RelayCounters {
        get async {
            var total = RelayCounters()
            try? await perform { _ in }
            total.add(worker.counters)
            return total
        }
    }

    func stop() {
        worker.loop.execute { [worker] in worker.endAll() }
        worker.loop.stop()
        thread.withLock { $0 }?.join()
        #expect(worker.finalStatus == 0, "uv_loop_close found open handles")
    }
}

extension Worker {
    /// Serves a service port whose counters nobody reads but tests.
    func serve(_ id: ServicePortID, by route: ServiceRoute) {
        serve(id, by: route, counting: PortMeter(workers: 1, removed: RemovedPorts()))
    }
}
