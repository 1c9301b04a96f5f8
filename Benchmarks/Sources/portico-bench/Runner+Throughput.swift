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

        var spec = LoadSpec(
            kind: kind, port: backend.port, connections: scenario.connections, messageSize: scenario.messageSize,
            inFlight: scenario.inFlight, rate: scenario.rate, warmUp: plan.warmUp, seconds: plan.seconds,
            cpu: scenario.pinned ? pinnedCPU : -1, counters: sandbox.countersPath, helpers: [backend.child.pid])
        spec.total = scenario.total
        if scenario.total != nil { spec.seconds = 120 }
        var turns: [Proxy?] = [nil] + proxies
        defer { for proxy in turns { proxy?.end() } }
        for repetition in 0..<plan.repetitions {
            // Another one begins each time, so that nobody always follows the same neighbour.
            for offset in turns.indices {
                let turn = (offset + repetition) % turns.count
                let name = turns[turn]?.peer.name ?? Results.direct
                note("\(name) \(repetition + 1)/\(plan.repetitions)")
                // A kubectl before 1.32 never gets over a download that was given up, as all are at the end of a window.
                if scenario.transport == .tunnel, repetition > 0, let old = turns[turn] {
                    old.end()
                    do {
                        turns[turn] = try startProxy(old.peer, scenario, backend: backend.port)
                    } catch {
                        results.record(nil, scenario: scenario.name, peer: name)
                        remarks.append("\(scenario.name), \(name): \(error)")
                        continue
                    }
                }
                let proxy = turns[turn]
                spec.port = proxy?.port ?? backend.port
                spec.proxy = proxy?.tree.processes ?? []
                spec.server = proxy?.server?.pid
                let sample = measure(spec, scenario, name, beside: proxy?.peer)
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
    private mutating func measure(
        _ spec: LoadSpec, _ scenario: Scenario, _ name: String, beside peer: (any Peer)?
    ) -> Sample? {
        var best: (result: LoadResult, scraper: ScraperResult?)?
        // A tunnel is as good as new only once.
        for _ in 0..<(scenario.transport == .tunnel ? 1 : 3) {
            do {
                let seen = try run(spec, beside: peer)
                if seen.result.othersShare < best?.result.othersShare ?? 2 { best = seen }
            } catch {
                remarks.append("\(scenario.name), \(name): \(error)")
                return nil
            }
            guard let share = best?.result.othersShare, share > plan.maxOthers, spare > 0 else { break }
            spare -= 1
        }
        guard let best else { return nil }
        var values = values(of: best.result, scenario)
        values[.scrape] = best.scraper?.milliseconds.max()
        return Sample(values, othersShare: best.result.othersShare, errors: best.result.errors)
    }

    /// Runs the load, with whoever is at work beside it.
    private func run(
        _ spec: LoadSpec, beside peer: (any Peer)?
    ) throws -> (result: LoadResult, scraper: ScraperResult?) {
        guard let companion = try peer?.companion(in: sandbox.folder) else { return (try runLoad(spec), nil) }
        defer { companion.end() }
        var spec = spec
        spec.helpers.append(companion.pid)
        let result = try runLoad(spec)
        companion.say("stop")
        guard let line = companion.line(timeout: 10) else { throw BenchFailure("a scrape has no end") }
        let seen = try JSON.decode(ScraperResult.self, from: line)
        guard seen.failures == 0 else { throw BenchFailure("\(seen.failures) scrapes have failed") }
        return (result, seen)
    }

    func values(of result: LoadResult, _ scenario: Scenario) -> [Metric: Double] {
        var values: [Metric: Double] = [:]
        switch scenario.work {
        case .bytes:
            values[.rate] = Double(result.bytes) * 8 / result.seconds
            if result.bytes > 0 { values[.cpu] = result.proxyCPU / (Double(result.bytes) / Double(1 << 30)) }
        case .operations:
            values[.rate] = Double(result.operations) / result.seconds
            if result.operations > 0 { values[.cpu] = result.proxyCPU * 1e6 / Double(result.operations) }
        }
        values[.server] = result.serverCPU.map { $0 / result.seconds }
        if scenario.metrics.contains(.failed) { values[.failed] = Double(result.errors) }
        values[.p50] = result.p50.map { Double($0) / 1000 }
        values[.p99] = result.p99.map { Double($0) / 1000 }
        if let sent = result.sent, let delivered = result.delivered, sent > 0 {
            values[.lost] = max(0, 1 - Double(delivered) / Double(sent))
        }
        return values
    }
}
