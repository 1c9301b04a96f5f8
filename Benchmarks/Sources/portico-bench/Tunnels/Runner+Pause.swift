import Load
import Measure

extension Runner {
    /// Streams, and beside them a reader that takes nothing for a while. Once for each participant in a quick run.
    mutating func measurePause(_ scenario: Scenario) throws {
        let backend = try startBackend(scenario)
        defer { backend.child.end() }
        let echo = try startBackend(.echo, scenario)
        defer { echo.child.end() }
        let repetitions = min(3, plan.repetitions)
        for repetition in 0..<repetitions {
            for peer in [nil] + peers.present.map(Optional.some) {
                let name = peer?.name ?? Results.direct
                note("\(name) \(repetition + 1)/\(repetitions)")
                do {
                    // Each anew: one that never gets over it must not spoil the next repetition.
                    let proxy = try peer.map {
                        try startProxy($0, scenario, backend: backend.port, other: echo.port)
                    }
                    defer { proxy?.end() }
                    var spec = LoadSpec(
                        kind: .pausedReader, port: proxy?.port ?? backend.port, connections: scenario.connections,
                        messageSize: scenario.messageSize, warmUp: 1, seconds: max(1, plan.seconds),
                        counters: sandbox.countersPath, proxy: proxy?.tree.processes ?? [],
                        helpers: [backend.child.pid, echo.child.pid])
                    spec.otherPort = proxy?.otherPort ?? echo.port
                    spec.pause = plan.fairSeconds
                    spec.server = proxy?.server?.pid
                    let load = try startLoad(spec)
                    defer { load.end() }
                    let result = try result(of: load, timeout: spec.seconds + spec.pause + 60)
                    var values = values(of: result, scenario)
                    values[.kept] = result.kept
                    values[.works] = result.works == true ? 1 : 0
                    results.record(
                        Sample(values, othersShare: result.othersShare, errors: result.errors),
                        scenario: scenario.name, peer: name)
                } catch {
                    results.record(nil, scenario: scenario.name, peer: name)
                    remarks.append("\(scenario.name), \(name): \(error)")
                }
            }
        }
    }
}
