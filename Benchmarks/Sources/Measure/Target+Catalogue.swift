/// The project's targets T1–T9 and T13 over the scenarios of the catalogue.
extension Target {
    public static let catalogue: [Target] = streams + messages + datagrams + footprint

    private static let splice = "haproxy-splice"
    private static let haproxy = "haproxy"
    private static let nginx = "nginx"

    private static let streams: [Target] =
        [
            ("bulk-up-1", "bulk up, 1 stream", 0.65), ("bulk-up-4", "bulk up, 4 streams", 0.84),
            ("bulk-up-64", "bulk up, 64 streams", 0.72), ("bulk-down-1", "bulk down, 1 stream", 0.65),
        ]
        .flatMap { name, title, aim in
            [
                // The floor is whatever the best peer reaches on this machine.
                Target(
                    number: "T1", title: title + ": of direct, floor is the best peer", direction: .higher,
                    measured: { $0.ofDirect(name) }, least: { $0.bestRivalOfDirect(name) }, aim: aim),
                .atMost("T2", title + ": CPU, of HAProxy splice", 0.65, aim: 0.5) { $0.against(splice, .cpu, name) },
            ]
        } + [
            .atLeast("T3", "echo both ways: of direct", 0.65, aim: 0.78) { $0.ofDirect("echo-4") },
            .atMost("T3", "echo both ways: CPU, of HAProxy splice", 0.6, aim: 0.45) {
                $0.against(splice, .cpu, "echo-4")
            },
        ]

    private static let messages: [Target] = [
        .atLeast("T4", "short connections, one CPU: rate, of best peer", 1, aim: 1.06) {
            $0.againstBest(.rate, "short-64-pinned")
        },
        .atMost("T4", "short connections, one CPU: CPU, of best peer", 1, aim: 0.93) {
            $0.againstBest(.cpu, "short-64-pinned")
        },
        .atLeast("T5", "round trips, 64 connections: rate, of best peer", 1, aim: 1.05) {
            $0.againstBest(.rate, "rr-64")
        },
        .atMost("T5", "round trips, 64 connections: CPU, of best peer", 1, aim: 0.92) {
            $0.againstBest(.cpu, "rr-64")
        },
        .atMost("T5", "round trips, 64 connections: p99, of HAProxy", 1, aim: 0.8) {
            $0.against(haproxy, .p99, "rr-64")
        },
        .atMost("T6", "one connection: added p50, of best peer", 1.1, aim: 0.95) {
            $0.againstBest(.added, "rr-1-pinned")
        },
    ]

    private static let datagrams: [Target] =
        [
            .atLeast("T8", "UDP round trips: rate, of nginx", 1.15, aim: 1.3) { $0.against(nginx, .rate, "udp-rr-64") },
            .atMost("T8", "UDP round trips: CPU, of nginx", 0.85, aim: 0.6) { $0.against(nginx, .cpu, "udp-rr-64") },
        ]
        + ["64", "1400"].flatMap { size -> [Target] in
            [
                .atLeast("T9", "UDP one way, \(size) B: delivered, of nginx", 1.5) {
                    $0.against(nginx, .rate, "udp-\(size)")
                },
                .atMost("T9", "UDP one way, \(size) B: CPU, of nginx", 1, aim: 0.45) {
                    $0.against(nginx, .cpu, "udp-\(size)")
                },
            ]
        } + [.atMost("T9", "UDP one way, 1400 B, 100,000/s: lost", 0.001, aim: 0) { $0.own(.lost, "udp-1400-paced") }]

    private static let footprint: [Target] = [
        .atMost("T7", "idle pair: bytes of memory", 600, aim: 300) { $0.own(.bytesPerPair, "idle") },
        .atMost("T7", "idle pair: descriptors", 2.01, aim: nil) { $0.own(.descriptorsPerPair, "idle") },
        .atMost("T7", "idle pair: pipes", 0.01, aim: nil) { $0.own(.pipesPerPair, "idle") },
        .atMost("T13", "start: resident, MB", 32, aim: 22) { $0.own(.resident, "start") },
        .atMost("T13", "start: until it accepts, ms", 150, aim: 60) { $0.own(.start, "start") },
    ]

    private static func atLeast(
        _ number: String, _ title: String, _ least: Double, aim: Double? = nil,
        _ measured: @escaping @Sendable (Results) -> Double?
    ) -> Target {
        Target(
            number: number, title: title, direction: .higher, measured: measured, least: { _ in least }, aim: aim)
    }

    private static func atMost(
        _ number: String, _ title: String, _ least: Double, aim: Double? = nil,
        _ measured: @escaping @Sendable (Results) -> Double?
    ) -> Target {
        Target(number: number, title: title, direction: .lower, measured: measured, least: { _ in least }, aim: aim)
    }
}
