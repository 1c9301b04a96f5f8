import Glibc
import Load
import Measure

/// Scenarios that look at a proxy instead of timing it.
extension Runner {
    /// Memory and descriptors before and while pairs are held, per pair.
    mutating func measureIdlePairs(_ scenario: Scenario) throws {
        let backend = try startBackend(scenario)
        defer { backend.child.end() }
        // Counting is steady: more than three repetitions teach nothing.
        for repetition in 0..<min(3, plan.repetitions) {
            for peer in peers.present {
                note("\(peer.name) \(repetition + 1)/\(min(3, plan.repetitions))")
                do {
                    let proxy = try startProxy(peer, scenario, backend: backend.port)
                    defer { proxy.end() }
                    let sample = try idleSample(proxy, pairs: plan.idlePairs)
                    results.record(sample, scenario: scenario.name, peer: peer.name)
                } catch {
                    results.record(nil, scenario: scenario.name, peer: peer.name)
                    remarks.append("\(scenario.name), \(peer.name): \(error)")
                }
            }
        }
    }

    /// While nothing is carried pings are what costs, and they are rare.
    private var idleSeconds: Double { min(20, plan.fairSeconds) }

    private func idleSample(_ proxy: Proxy, pairs: Int) throws -> Sample {
        var spec = LoadSpec(
            kind: .idlePairs, port: proxy.port, connections: 64, counters: sandbox.countersPath)
        // What is set up with the first connections, shared buffers above all, is no cost of a pair.
        try hold(spec) {}
        Clock.sleep(0.3)
        let tree = proxy.tree
        let before = (memory: tree.privateBytes, descriptors: tree.descriptors)
        var sample = Sample([:])
        spec.connections = pairs
        try hold(spec) {
            Clock.sleep(0.5)
            let after = (memory: tree.privateBytes, descriptors: tree.descriptors)
            sample.values[.bytesPerPair] = Double(after.memory - before.memory) / Double(pairs)
            sample.values[.descriptorsPerPair] = Double(after.descriptors.all - before.descriptors.all) / Double(pairs)
            sample.values[.pipesPerPair] = Double(after.descriptors.pipes - before.descriptors.pipes) / Double(pairs)
            guard proxy.server != nil else { return }
            let start = (cpu: tree.cpu, time: Clock.seconds)
            Clock.sleep(idleSeconds)
            sample.values[.idleCPU] = (tree.cpu - start.cpu) * 1e6 / (Clock.seconds - start.time) / Double(pairs)
        }
        return sample
    }

    /// Opens the pairs, calls `look` while they are held, and closes them.
    private func hold(_ spec: LoadSpec, _ look: () -> Void) throws {
        let load = try startLoad(spec)
        defer { load.end() }
        let line = load.line(timeout: 30)
        if line == "held" {
            look()
            load.say("enough")
            _ = load.line(timeout: 5)
        } else {
            let failure = line.flatMap { try? JSON.decode(LoadResult.self, from: $0).failure }
            throw BenchFailure(failure ?? "the pairs were not reached")
        }
    }

    /// From the start of the program to the first accepted connection, and its size when it has settled.
    mutating func measureStart(_ scenario: Scenario) throws {
        let backend = try startBackend(scenario)
        defer { backend.child.end() }
        for repetition in 0..<plan.repetitions {
            for peer in peers.present {
                note("\(peer.name) \(repetition + 1)/\(plan.repetitions)")
                do {
                    let proxy = try startProxy(peer, scenario, backend: backend.port)
                    defer { proxy.end() }
                    Clock.sleep(0.5)
                    let resident = Double(proxy.tree.residentBytes) / Double(1 << 20)
                    results.record(
                        Sample([.start: proxy.startMilliseconds, .resident: resident]), scenario: scenario.name,
                        peer: peer.name)
                } catch {
                    results.record(nil, scenario: scenario.name, peer: peer.name)
                    remarks.append("\(scenario.name), \(peer.name): \(error)")
                }
            }
        }
    }

    /// Yes or no, once per participant.
    mutating func measureQuestion(_ scenario: Scenario) throws {
        guard let kind = LoadSpec.Kind(rawValue: scenario.load) else {
            throw BenchFailure("no load is called \(scenario.load)")
        }
        let backend = try startBackend(scenario)
        defer { backend.child.end() }
        let (proxies, failures) = startProxies(scenario, backend: backend.port)
        defer { for proxy in proxies { proxy.end() } }
        remarks += failures
        for proxy in [nil] + proxies.map(Optional.some) {
            let name = proxy?.peer.name ?? Results.direct
            note(name)
            do {
                let result = try runLoad(
                    LoadSpec(
                        kind: kind, port: proxy?.port ?? backend.port, messageSize: scenario.messageSize,
                        counters: sandbox.countersPath))
                results.record(
                    Sample([.works: result.works == true ? 1 : 0]), scenario: scenario.name, peer: name)
            } catch {
                remarks.append("\(scenario.name), \(name): \(error)")
            }
        }
    }
}
