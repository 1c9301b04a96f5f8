/// Everything `portico-bench` measures, in the order of its table.
extension Scenario {
    public static let catalogue: [Scenario] = bulk + messages + datagrams + fairness + states

    /// Reads and writes of 128 KiB: what a busy application uses.
    private static let chunk = 128 << 10

    private static let bulk = [
        Scenario(
            "bulk-up-1", "bulk up, 1 stream", load: "bulkUp", backend: "sink", work: .bytes, messageSize: chunk),
        Scenario(
            "bulk-up-4", "bulk up, 4 streams", load: "bulkUp", backend: "sink", work: .bytes, connections: 4,
            messageSize: chunk),
        Scenario(
            "bulk-up-64", "bulk up, 64 streams", load: "bulkUp", backend: "sink", work: .bytes, connections: 64,
            messageSize: chunk),
        Scenario(
            "bulk-down-1", "bulk down, 1 stream", load: "bulkDown", backend: "source", work: .bytes,
            messageSize: chunk),
        Scenario(
            "echo-4", "echo both ways, 4 streams", load: "echo", backend: "echo", work: .bytes, connections: 4,
            messageSize: chunk),
    ]

    private static let messages = [
        Scenario(
            "short-64", "short connections, 64 at once", load: "shortConnections", backend: "respond",
            connections: 64),
        Scenario(
            "short-64-pinned", "short connections, pinned", load: "shortConnections", backend: "respond",
            connections: 64,
            pinned: true),
        Scenario(
            "rr-64", "round trips 64 B, 64 conn.", load: "roundTrips", backend: "respond", connections: 64,
            metrics: [.rate, .cpu, .p50, .p99]),
        Scenario(
            "rr-64-16k", "round trips 16 KiB, 64 conn.", load: "roundTrips", backend: "respond",
            connections: 64, messageSize: 16 << 10),
        Scenario(
            "rr-1-pinned", "round trips 64 B, 1 conn., pinned", load: "roundTrips", backend: "echo",
            pinned: true, metrics: [.rate, .cpu, .p50, .added]),
    ]

    private static let datagrams = [
        Scenario(
            "udp-rr-1-pinned", "UDP round trips, 1 flow, pinned", load: "datagramRoundTrips",
            backend: "datagramEcho", transport: .udp, pinned: true, metrics: [.rate, .cpu, .p50]),
        Scenario(
            "udp-rr-64", "UDP round trips, 64 flows × 8", load: "datagramRoundTrips", backend: "datagramEcho",
            transport: .udp, connections: 64, inFlight: 8),
        Scenario(
            "udp-64", "UDP one way 64 B, unpaced", load: "datagramsOneWay", backend: "datagramSink",
            transport: .udp, metrics: [.rate, .cpu, .lost]),
        Scenario(
            "udp-1400", "UDP one way 1400 B, unpaced", load: "datagramsOneWay", backend: "datagramSink",
            transport: .udp, messageSize: 1400, metrics: [.rate, .cpu, .lost]),
        Scenario(
            "udp-1400-paced", "UDP one way 1400 B, 100,000/s", load: "datagramsOneWay", backend: "datagramSink",
            transport: .udp, messageSize: 1400, rate: 100_000, metrics: [.rate, .cpu, .lost]),
    ]

    private static let states = [
        Scenario(
            "idle", "idle pairs", load: "idlePairs", backend: "respond", method: .idlePairs, connections: 4000,
            metrics: [.bytesPerPair, .descriptorsPerPair, .pipesPerPair]),
        Scenario(
            "start", "start", load: "idlePairs", backend: "respond", method: .start, metrics: [.resident, .start]),
        Scenario(
            "half-close", "half-close", load: "halfClose", backend: "answerAfterEnd", method: .question,
            metrics: [.works]),
    ]
}
