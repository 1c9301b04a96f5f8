import Glibc
import Measure
import Synchronization
import Testing

@testable import Load

/// Below the ports the kernel gives to clients.
private let nextPort = Atomic<UInt16>(20_000 + UInt16(getpid() % 200) * 60)

func takePort() -> UInt16 { nextPort.add(1, ordering: .relaxed).newValue }

/// Starts the scenario's backend on a thread that ends with the tests, and says how to load it.
func startBackend(of scenario: Scenario) throws -> LoadSpec {
    let port = takePort()
    let counters = "/tmp/portico-bench-test-\(getpid())-\(port)"
    _ = Counters(path: counters, create: true)
    let backend = BackendSpec(
        kind: try #require(BackendSpec.Kind(rawValue: scenario.backend)), port: port,
        messageSize: scenario.messageSize, counters: counters)
    let box = ReadyBox()
    startThread { _ = Backend.run(backend) { box.isReady.store(true, ordering: .releasing) } }
    for _ in 0..<1000 where !box.isReady.load(ordering: .acquiring) { usleep(1000) }
    let isReady = box.isReady.load(ordering: .acquiring)
    try #require(isReady)
    return LoadSpec(
        kind: try #require(LoadSpec.Kind(rawValue: scenario.load)), port: port,
        connections: scenario.connections, messageSize: scenario.messageSize, inFlight: scenario.inFlight,
        rate: scenario.rate.map { min($0, 10_000) }, warmUp: 0.1, seconds: 0.4, counters: counters)
}

private final class ReadyBox: Sendable { let isReady = Atomic<Bool>(false) }
