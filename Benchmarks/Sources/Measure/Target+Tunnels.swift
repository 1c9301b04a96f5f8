/// Target T17: tunnels against `kubectl port-forward`, whichever version does best.
extension Target {
    public static let tunnels = tunnelRates + tunnelStates

    private static let tunnelRates: [Target] = [
        rate("up, 1 stream", "tunnel-up-1", aim: 2), rate("up, 64 streams", "tunnel-up-64", aim: 2),
        rate("down, 1 stream", "tunnel-down-1", aim: 2), rate("down, 64 streams", "tunnel-down-64", aim: 2),
        rate("round trips, 1 connection", "tunnel-rr-1"), rate("round trips, 64 connections", "tunnel-rr-64"),
        rate("10,000 short connections", "tunnel-short"),
    ]

    private static func rate(_ title: String, _ scenario: String, aim: Double? = nil) -> Target {
        .atLeast("T17", "tunnel, \(title): rate, of the best kubectl", scenario, 1.2, aim: aim) {
            $0.againstBest(.rate, $1)
        }
    }

    private static let tunnelStates: [Target] = [
        .atMost("T17", "10,000 short connections: failed", "tunnel-short", 0) { $0.worst(.failed, $1) },
        // 1.2 times as good.
        .atMost("T17", "an idle connection: memory, of the best kubectl", "tunnel-idle", 0.83) {
            $0.againstBest(.bytesPerPair, $1)
        },
        .atMost("T17", "an idle connection: CPU, of the best kubectl", "tunnel-idle", 0.83) {
            $0.againstBest(.idleCPU, $1)
        },
        .atLeast("T17", "a reader that pauses gets every byte", "tunnel-pause", 1) { $0.own(.works, $1) },
        .atLeast("T17", "20 streams beside it: rate kept", "tunnel-pause", 0.95) { $0.own(.kept, $1) },
    ]
}

extension Results {
    /// Of Portico's figure the highest of all repetitions: one failure is a failure.
    fileprivate func worst(_ metric: Metric, _ scenario: String) -> Figure? {
        own(metric, scenario).flatMap { Figure([$0.high]) }
    }
}
