import Load
import Measure

/// Scenarios with a rate: all proxies run side by side, idle but for the one whose turn it is.
extension Runner {
    mutating func measureThroughput(_ scenario: Scenario) throws {
        guard let kind = LoadSpec.Kind(rawValue: scenario.load) else {
            throw BenchFailure("no load is called \(scenario.load)")
        }
        let backend = try startBackend(scenario)
        defer { backend.child.end() }
        let (proxies, failures) = startProxies(scenario, backend: backend.port)
        defer { for proxy in proxies { proxy.child.end() } }

        var spec = LoadSpec(
            kind: kind, port: backend.port, connections: scenario.connections, messageSize: scenario.messageSize,
            inFlight: scenario.inFlight, rate: scenario.rate, warmUp: plan.warmUp, seconds: plan.seconds,
            cpu: scenario.pinned ? pinnedCPU : -1, counters: sandbox.countersPath, helpers: [backend.child.pid])
        let turns: [Proxy?] = [nil] + proxies
        for repetition in 0..<plan.repetitions {
            // Another one begins each time, so that nobody always follows the same neighbour.
            for offset in turns.indices {
                let proxy = turns[(offset + repetition) % turns.count]
                let name = proxy?.peer ?? Results.direct
                note("\(name) \(repetition + 1)/\(plan.repetitions)")
                spec.port = proxy?.port ?? backend.port
                spec.proxy = proxy?.tree.processes ?? []
                let sample = measure(spec, scenario, name)
                results.record(sample, scenario: scenario.name, peer: name)
            }
        }
        remarks += failures
    }

    /// Starts what can be started; a peer that can't is left out of this scenario, not of the run.
    mutating func startProxies(_ scenario: Scenario, backend: UInt16) -> ([Proxy], failures: [String]) {
        var proxies: [Proxy] = []
        var failures: [String] = []
        for peer in peers.present where takesPart(peer, in: scenario) {
            note("starting \(peer.name)")
            do {
                let proxy = try startProxy(peer, scenario, backend: backend)
                // After the start, so that it runs as many threads as unpinned.
                if scenario.pinned { proxy.tree.pin(to: pinnedCPU) }
                proxies.append(proxy)
            } catch {
                failures.append("\(scenario.name), \(peer.name): \(error)")
            }
        }
        return (proxies, failures)
    }

    private func takesPart(_ peer: any Peer, in scenario: Scenario) -> Bool {
        guard peer.supports(scenario.transport) else { return false }
        return plan.peersWereChosen || peer.name == Results.before || scenario.rivals?.contains(peer.name) != false
    }

    /// One measurement, repeated while it is dirty and the run can afford it; the cleanest counts.
    private mutating func measure(_ spec: LoadSpec, _ scenario: Scenario, _ peer: String) -> Sample? {
        var best: LoadResult?
        for _ in 0..<3 {
            do {
                let result = try runLoad(spec)
                if result.othersShare < best?.othersShare ?? 2 { best = result }
            } catch {
                remarks.append("\(scenario.name), \(peer): \(error)")
                return nil
            }
            guard let share = best?.othersShare, share > plan.maxOthers, spare > 0 else { break }
            spare -= 1
        }
        guard let best else { return nil }
        return Sample(values(of: best, scenario), othersShare: best.othersShare, errors: best.errors)
    }

    func values(of result: LoadResult, _ scenario: Scenario) -> [Metric: Double] {
        var values: [Metric: Double] = [:]
        switch scenario.work {
        case .bytes:
            values[.rate] = Double(result.bytes) * 8 / result.seconds
            values[.cpu] = result.proxyCPU / (Double(result.bytes) / Double(1 << 30))
        case .operations:
            values[.rate] = Double(result.operations) / result.seconds
            values[.cpu] = result.proxyCPU * 1e6 / Double(result.operations)
        }
        values[.p50] = result.p50.map { Double($0) / 1000 }
        values[.p99] = result.p99.map { Double($0) / 1000 }
        if let sent = result.sent, let delivered = result.delivered, sent > 0 {
            values[.lost] = max(0, 1 - Double(delivered) / Double(sent))
        }
        return values
    }
}
