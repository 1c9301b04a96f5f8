/// What `portico-bench tunnels` measures, in the order of its table.
extension Scenario {
    public static let tunnels: [Scenario] =
        [
            ("tunnel-up-1", "up, 1 stream", "bulkUp", "sink", 1),
            ("tunnel-up-64", "up, 64 streams", "bulkUp", "sink", 64),
            ("tunnel-down-1", "down, 1 stream", "bulkDown", "source", 1),
            ("tunnel-down-64", "down, 64 streams", "bulkDown", "source", 64),
        ].map { name, title, load, backend, connections in
            Scenario(
                name, title, load: load, backend: backend, transport: .tunnel, work: .bytes, connections: connections,
                messageSize: 128 << 10, metrics: [.rate, .cpu, .server])
        } + [
            Scenario(
                "tunnel-rr-1", "round trips 64 B, 1 conn.", load: "roundTrips", backend: "respond", transport: .tunnel,
                metrics: [.rate, .cpu, .p50, .server]),
            Scenario(
                "tunnel-rr-64", "round trips 64 B, 64 conn.", load: "roundTrips", backend: "respond",
                transport: .tunnel, connections: 64, metrics: [.rate, .cpu, .p50, .p99, .server]),
            Scenario(
                "tunnel-short", "10,000 short connections, 16 at once", load: "shortConnections", backend: "respond",
                transport: .tunnel, connections: 16, total: 10_000, metrics: [.rate, .cpu, .p99, .server, .failed]),
            Scenario(
                "tunnel-idle", "an idle connection", load: "idlePairs", backend: "respond", transport: .tunnel,
                method: .idlePairs, metrics: [.bytesPerPair, .descriptorsPerPair, .idleCPU]),
            // The streams; what the reader gets comes from an echo.
            Scenario(
                "tunnel-pause", "20 streams beside a reader that pauses", load: "pausedReader", backend: "source",
                transport: .tunnel, method: .pause, work: .bytes, connections: 20, messageSize: 128 << 10,
                metrics: [.rate, .kept, .works]),
        ]
}
