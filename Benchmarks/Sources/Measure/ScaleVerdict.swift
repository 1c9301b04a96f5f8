/// A target of `portico-bench scale`: work in proportion to what changed, not to what there is.
public struct ScaleVerdict: Codable, Sendable {
    public var title: String
    public var measured: Double
    public var least: Double
    public var aim: Double?
    public var verdict: Target.Verdict

    init(_ title: String, _ measured: Double, atMost least: Double, aim: Double? = nil) {
        (self.title, self.measured, self.least, self.aim) = (title, measured, least, aim)
        verdict = measured > least ? .missed : aim.map { measured <= $0 } == true ? .aimMet : .met
    }
}

extension ScaleResults {
    /// The targets for which there are figures.
    public var verdicts: [ScaleVerdict] {
        guard let largest = sizes.max(by: { $0.services < $1.services }) else { return [] }
        return changeVerdicts + latencyVerdicts(largest)
            + (largest.services == 10_000 ? startVerdicts(largest) : []) + memoryVerdicts(largest)
            + largest.idle.map { idle in
                ScaleVerdict(
                    "idle, \(largest.services) Services in \(idle.files) files: CPU with children, %",
                    (idle.own + idle.children) * 100, atMost: idle.files > largest.services ? 2 : 0.5)
            }
    }

    private var changeVerdicts: [ScaleVerdict] {
        Change.allCases.flatMap { change -> [ScaleVerdict] in
            let medians = sizes.compactMap { $0.cpu(change)?.median }
            guard let most = medians.max(), let least = medians.min() else { return [] }
            var verdicts = [ScaleVerdict("\(change.rawValue): own CPU at any size, ms", most * 1e3, atMost: 1)]
            if medians.count > 1, least > 0 {
                verdicts.append(
                    ScaleVerdict(
                        "\(change.rawValue): own CPU, the most of any size over the least", most / least, atMost: 1.2))
            }
            return verdicts
        }
    }

    /// Of what a change waits for, only the look at the files and iptables' own time are not Portico's.
    private func latencyVerdicts(_ size: Size) -> [ScaleVerdict] {
        guard let endpoint = size.wall(.endpoint)?.median else { return [] }
        var verdicts = [
            ScaleVerdict(
                "an endpoint changed, of \(size.services) Services: ms until in force, over the poll interval",
                (endpoint - pollInterval) * 1e3, atMost: 100)
        ]
        for change in Change.allCases where change.changesRules {
            guard let wall = size.wall(change)?.median, let iptables = Figure(size.iptables[change] ?? [])?.median
            else {
                continue
            }
            verdicts.append(
                ScaleVerdict(
                    "\(change.rawValue), of \(size.services): ms more than an endpoint takes and iptables alone",
                    (wall - endpoint - iptables) * 1e3, atMost: 20))
        }
        return verdicts
    }

    private func startVerdicts(_ size: Size) -> [ScaleVerdict] {
        guard let wall = Figure(size.starts.map(\.wall)), let peak = Figure(size.starts.map(\.peakMemory)) else {
            return []
        }
        return [
            ScaleVerdict(
                "start of \(size.services) Services: s until all is in force", wall.median, atMost: 2.5, aim: 2),
            ScaleVerdict(
                "start of \(size.services) Services: peak memory, MB", peak.median / 1e6, atMost: 150, aim: 120),
        ]
    }

    private func memoryVerdicts(_ size: Size) -> [ScaleVerdict] {
        guard let after = size.memoryAfterAll, emptyMemory > 0 else { return [] }
        return [
            ScaleVerdict(
                "all \(size.services) Services gone: resident MB more than an empty start",
                (after - emptyMemory) / 1e6, atMost: 30)
        ]
    }
}
