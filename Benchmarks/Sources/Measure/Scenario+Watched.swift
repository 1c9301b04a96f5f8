/// What `portico-bench watched` measures, in the order of its table.
extension Scenario {
    public static let watched: [Scenario] = [
        Scenario(
            "watched-short-64", "short connections, 64 at once", load: "shortConnections", backend: "respond",
            connections: 64, metrics: [.rate, .cpu, .p50, .p99, .scrape]),
        Scenario(
            "watched-rr-64", "round trips 64 B, 64 conn.", load: "roundTrips", backend: "respond", connections: 64,
            metrics: [.rate, .cpu, .p50, .p99, .scrape]),
        Scenario(
            "watched-rr-1", "round trips 64 B, 1 conn.", load: "roundTrips", backend: "respond",
            metrics: [.rate, .cpu, .p50, .p99, .scrape]),
    ]
}
