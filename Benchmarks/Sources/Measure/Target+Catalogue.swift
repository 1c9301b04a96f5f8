/// The project's targets T1–T9 and T13–T16 over the scenarios of the catalogue.
extension Target {
    public static let catalogue: [Target] = streams + messages + datagrams + footprint + fairness + limit + before

    private static let splice = "haproxy-splice"
    private static let haproxy = "haproxy"
    private static let nginx = "nginx"

    private static let streams: [Target] =
        [
            ("bulk-up-1", "bulk up, 1 stream", 0.65), ("bulk-up-4", "bulk up, 4 streams", 0.84),
            ("bulk-up-64", "bulk up, 64 streams", 0.72), ("bulk-down-1", "bulk down, 1 stream", 0.65),
        ].flatMap { scenario, title, aim in
            [
                // The floor is whatever the best peer reaches on this machine.
                Target(
                    number: "T1", title: title + ": of direct, floor is the best peer", scenario: scenario,
                    direction: .higher, measured: { $0.ofDirect($1) }, least: { $0.bestRivalOfDirect($1) }, aim: aim),
                .atMost("T2", title + ": CPU, of HAProxy splice", scenario, 0.65, aim: 0.5) {
                    $0.against(splice, .cpu, $1)
                },
            ]
        } + [
            .atLeast("T3", "echo both ways: of direct", "echo-4", 0.65, aim: 0.78) { $0.ofDirect($1) },
            .atMost("T3", "echo both ways: CPU, of HAProxy splice", "echo-4", 0.6, aim: 0.45) {
                $0.against(splice, .cpu, $1)
            },
        ]

    private static let messages: [Target] = [
        .atLeast("T4", "short connections, pinned: rate, of best peer", "short-64-pinned", 1, aim: 1.06) {
            $0.againstBest(.rate, $1)
        },
        .atMost("T4", "short connections, pinned: CPU, of best peer", "short-64-pinned", 1, aim: 0.93) {
            $0.againstBest(.cpu, $1)
        },
        .atLeast("T5", "round trips, 64 connections: rate, of best peer", "rr-64", 1, aim: 1.05) {
            $0.againstBest(.rate, $1)
        },
        .atMost("T5", "round trips, 64 connections: CPU, of best peer", "rr-64", 1, aim: 0.92) {
            $0.againstBest(.cpu, $1)
        },
        .atMost("T5", "round trips, 64 connections: p99, of HAProxy", "rr-64", 1, aim: 0.8) {
            $0.against(haproxy, .p99, $1)
        },
        .atMost("T6", "one connection, pinned: added p50, of best peer", "rr-1-pinned", 1.1, aim: 0.95) {
            $0.againstBest(.added, $1)
        },
    ]

    private static let datagrams: [Target] =
        [
            .atLeast("T8", "UDP round trips: rate, of nginx", "udp-rr-64", 1.15, aim: 1.3) {
                $0.against(nginx, .rate, $1)
            },
            .atMost("T8", "UDP round trips: CPU, of nginx", "udp-rr-64", 0.85, aim: 0.6) {
                $0.against(nginx, .cpu, $1)
            },
        ]
        + ["64", "1400"].flatMap { size -> [Target] in
            [
                .atLeast("T9", "UDP one way, \(size) B: delivered, of nginx", "udp-\(size)", 1.5) {
                    $0.against(nginx, .rate, $1)
                },
                .atMost("T9", "UDP one way, \(size) B: CPU, of nginx", "udp-\(size)", 1, aim: 0.45) {
                    $0.against(nginx, .cpu, $1)
                },
            ]
        } + [
            .atMost("T9", "UDP one way, 1400 B, 100,000/s: lost", "udp-1400-paced", 0.001, aim: 0) {
                $0.own(.lost, $1)
            }
        ]

    private static let footprint: [Target] = [
        .atMost("T7", "idle pair: bytes of memory", "idle", 600, aim: 300) { $0.own(.bytesPerPair, $1) },
        // A file watch or a timer may come or go meanwhile.
        .atMost("T7", "idle pair: descriptors", "idle", 2.01) { $0.own(.descriptorsPerPair, $1) },
        .atMost("T7", "idle pair: pipes", "idle", 0.01) { $0.own(.pipesPerPair, $1) },
        .atMost("T13", "start: resident, MB", "start", 32, aim: 22) { $0.own(.resident, $1) },
        .atMost("T13", "start: until it accepts, ms", "start", 150, aim: 60) { $0.own(.start, $1) },
    ]

    private static let fairness: [Target] =
        [
            ("fair-8-ping", "ping-pong beside 8 streams", splice),
            ("fair-8-other", "the same by another service", splice),
            ("fair-8-connect", "a new connection beside 8 streams", splice),
            ("fair-64-ping", "ping-pong beside 64 streams", splice),
            ("fair-64-other", "the same by another service", splice),
            ("fair-64-connect", "a new connection beside 64 streams", splice),
            ("fair-flood-ping", "UDP round trips beside a flood", nginx),
            ("fair-flood-other", "the same by another service", nginx),
        ].flatMap { scenario, title, peer -> [Target] in
            let rival = peer == nginx ? "nginx" : "HAProxy splice"
            return [
                .atMost("T14", "\(title): added p50, of \(rival)", scenario, 1, aim: 0.7) {
                    $0.against(peer, .added, $1)
                },
                .atMost("T14", "\(title): added p99, of \(rival)", scenario, 1, aim: 0.7) {
                    $0.against(peer, .addedP99, $1)
                },
                .atMost("T14", "\(title): p50, last third of first", scenario, 1.2, aim: 1.05) {
                    $0.own(.growth, $1)
                },
            ]
        } + [
            .atLeast("T14", "4 streams beside 64 ping-pongs: rate, of HAProxy splice", "fair-messages-bulk", 1) {
                $0.against(splice, .rate, $1)
            }
        ]

    /// CPU beside the limit. Differences of a few per cent take twenty repetitions to see.
    private static let limit: [Target] = [
        ("bulk-up-1", "bulk up, 1 stream"), ("bulk-up-4", "bulk up, 4 streams"),
        ("bulk-up-64", "bulk up, 64 streams"), ("bulk-down-1", "bulk down, 1 stream"),
        ("echo-4", "echo both ways"), ("short-64-pinned", "short connections, pinned"),
        ("rr-64", "round trips, 64 connections"), ("rr-64-16k", "round trips, 16 KiB"),
        ("rr-1-pinned", "one connection, pinned"), ("udp-rr-1-pinned", "UDP, one flow, pinned"),
        ("udp-rr-64", "UDP, 64 flows × 8"), ("udp-64", "UDP one way, 64 B"), ("udp-1400", "UDP one way, 1400 B"),
    ].map { scenario, title in
        var target = Target.atMost("T15", "\(title): CPU, of the C limit", scenario, 1.05, aim: 1) {
            $0.against(Results.limit, .cpu, $1)
        }
        target.aimsAtNoDifference = true
        return target
    }

    /// What a change may cost streams: three per cent.
    private static let before: [Target] = [
        ("bulk-up-1", "bulk up, 1 stream"), ("bulk-up-4", "bulk up, 4 streams"),
        ("bulk-up-64", "bulk up, 64 streams"), ("bulk-down-1", "bulk down, 1 stream"), ("echo-4", "echo both ways"),
    ].flatMap { scenario, title in
        [
            .atLeast("T16", "\(title): rate, of before", scenario, 0.97, aim: 1) {
                $0.against(Results.before, .rate, $1)
            },
            .atMost("T16", "\(title): CPU, of before", scenario, 1.03, aim: 1) {
                $0.against(Results.before, .cpu, $1)
            },
        ]
    }

    static func atLeast(
        _ number: String, _ title: String, _ scenario: String, _ least: Double, aim: Double? = nil,
        _ measured: @escaping @Sendable (Results, String) -> Figure?
    ) -> Target {
        Target(
            number: number, title: title, scenario: scenario, direction: .higher, measured: measured,
            least: { _, _ in least }, aim: aim)
    }

    static func atMost(
        _ number: String, _ title: String, _ scenario: String, _ least: Double, aim: Double? = nil,
        _ measured: @escaping @Sendable (Results, String) -> Figure?
    ) -> Target {
        Target(
            number: number, title: title, scenario: scenario, direction: .lower, measured: measured,
            least: { _, _ in least }, aim: aim)
    }
}
