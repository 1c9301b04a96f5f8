import Load
import Measure

/// Scenarios that watch the neighbours of a load.
extension Runner {
    /// What a neighbour waits between two operations, so that it is a neighbour and no load.
    private static let interval = (message: 0.002, connection: 0.005)

    /// Measures the scenarios of one load together: `scenarios` are those that were asked for.
    mutating func measureFairness(_ scenarios: [Scenario]) throws {
        let load = scenarios[0]
        let backend = try startBackend(load)
        defer { backend.child.end() }
        let (proxies, failures) = startProxies(load, backend: backend.port)
        defer { for proxy in proxies { proxy.end() } }
        remarks += failures

        let turns: [Proxy?] = [nil] + proxies
        // A run of a minute says much by itself: more than three repetitions take too long.
        let repetitions = min(3, plan.repetitions)
        for repetition in 0..<repetitions {
            for offset in turns.indices {
                let proxy = turns[(offset + repetition) % turns.count]
                let name = proxy?.peer.name ?? Results.direct
                note("\(name) \(repetition + 1)/\(repetitions)")
                do {
                    let samples = try fairnessSamples(scenarios, proxy, backend)
                    for (scenario, sample) in samples {
                        results.record(sample, scenario: scenario.name, peer: name)
                    }
                } catch {
                    for scenario in scenarios { results.record(nil, scenario: scenario.name, peer: name) }
                    remarks.append("\(load.name), \(name): \(error)")
                }
            }
        }
    }

    private mutating func fairnessSamples(
        _ scenarios: [Scenario], _ proxy: Proxy?, _ backend: (child: Child, port: UInt16)
    ) throws -> [(Scenario, Sample)] {
        let load = scenarios[0]
        guard let kind = LoadSpec.Kind(rawValue: load.load) else {
            throw BenchFailure("no load is called \(load.load)")
        }
        let warmUp = 1.0
        let port = proxy?.port ?? backend.port
        var helpers = [backend.child.pid]

        // First the neighbours, then the load that they are to feel.
        let specs = neighbours(scenarios, proxy, backend.port)
        var beside: Child?
        defer { beside?.end() }
        if !specs.isEmpty {
            var spec = LoadSpec(
                kind: .neighbours, port: port, warmUp: warmUp, seconds: plan.fairSeconds,
                counters: sandbox.secondCountersPath)
            spec.neighbours = specs
            let child = try startLoad(spec)
            beside = child
            helpers.append(child.pid)
            guard child.line(timeout: 10) == "held" else { throw BenchFailure("the neighbours can't connect") }
        }
        if load.pingPongs > 0 {
            let child = try startLoad(
                LoadSpec(
                    kind: .roundTrips, port: port, connections: load.pingPongs, messageSize: 1, warmUp: warmUp,
                    seconds: plan.fairSeconds + 1, counters: sandbox.secondCountersPath))
            beside = child
            helpers.append(child.pid)
        }
        // The load outlasts its neighbours.
        let streams = try startLoad(
            LoadSpec(
                kind: kind, port: port, connections: load.connections, messageSize: load.messageSize, warmUp: warmUp,
                seconds: plan.fairSeconds + 0.5, counters: sandbox.countersPath, proxy: proxy?.tree.processes ?? [],
                helpers: helpers))
        defer { streams.end() }
        if !specs.isEmpty { beside?.say("begin") }
        let whole = try result(of: streams, timeout: warmUp + plan.fairSeconds + 15)
        var seen: [NeighbourResult] = []
        if !specs.isEmpty, let beside { seen = try result(of: beside, timeout: 10).neighbours ?? [] }

        return scenarios.compactMap { scenario in
            if scenario.watched == .load {
                return (
                    scenario, Sample(values(of: whole, scenario), othersShare: whole.othersShare, errors: whole.errors)
                )
            }
            guard let own = seen.first(where: { $0.name == scenario.name }) else { return nil }
            let base = seen.first { $0.name == Self.direct(scenario) }
            return (
                scenario,
                Sample(values(of: own, beyond: base), othersShare: whole.othersShare, errors: own.failed)
            )
        }
    }

    /// Everybody who is watched, and beside them the same without the proxy.
    private func neighbours(_ scenarios: [Scenario], _ proxy: Proxy?, _ backend: UInt16) -> [NeighbourSpec] {
        var specs: [NeighbourSpec] = []
        for scenario in scenarios {
            let kind: NeighbourSpec.Kind
            switch scenario.watched {
            case .sameService, .otherService: kind = scenario.transport == .udp ? .datagram : .roundTrip
            case .newConnection: kind = .connect
            case .load, nil: continue
            }
            let interval = kind == .connect ? Self.interval.connection : Self.interval.message
            guard let proxy else {
                // There is but one direct way.
                if scenario.watched == .otherService { continue }
                specs.append(NeighbourSpec(name: scenario.name, kind: kind, port: backend, interval: interval))
                continue
            }
            let port = scenario.watched == .otherService ? proxy.otherPort : proxy.port
            specs.append(NeighbourSpec(name: scenario.name, kind: kind, port: port, interval: interval))
            let direct = Self.direct(scenario)
            if !specs.contains(where: { $0.name == direct }) {
                specs.append(NeighbourSpec(name: direct, kind: kind, port: backend, interval: interval))
            }
        }
        return specs
    }

    private static func direct(_ scenario: Scenario) -> String {
        scenario.watched == .newConnection ? "direct connection" : "direct message"
    }

    private func values(of own: NeighbourResult, beyond direct: NeighbourResult?) -> [Metric: Double] {
        var values: [Metric: Double] = [:]
        guard let all = own.all else { return values }
        values[.p50] = Double(all.p50) / 1000
        values[.p99] = Double(all.p99) / 1000
        if let direct = direct?.all {
            // A microsecond at least: who adds nothing, or less by chance, can still be compared with.
            values[.added] = max(1, (Double(all.p50) - Double(direct.p50)) / 1000)
            values[.addedP99] = max(1, (Double(all.p99) - Double(direct.p99)) / 1000)
        }
        if let first = own.first, let last = own.last { values[.growth] = Double(last.p50) / Double(first.p50) }
        values[.lost] = Double(own.lost) / Double(own.operations)
        return values
    }
}
