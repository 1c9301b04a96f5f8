/// What a load does to its neighbours: the load and everybody watched beside it run at the same time, and each scenario
/// is one of their figures.
extension Scenario {
    static let fairness = [8, 64].flatMap(besideStreams) + besideFlood + besideMessages

    private static let added: [Metric] = [.p50, .p99, .added, .addedP99, .growth]

    private static func besideStreams(_ count: Int) -> [Scenario] {
        func scenario(_ name: String, _ title: String, _ watched: Watched, _ metrics: [Metric]) -> Scenario {
            Scenario(
                "fair-\(count)-\(name)", title, load: "bulkUp", backend: "sinkAndEcho", method: .fairness,
                work: watched == .load ? .bytes : .operations, connections: count, messageSize: 128 << 10,
                metrics: metrics, watched: watched, rivals: ["portico", "haproxy-splice", "c-limit"])
        }
        return [
            scenario("bulk", "\(count) streams, themselves", .load, [.rate, .cpu]),
            scenario("ping", "beside \(count): ping-pong", .sameService, added),
            scenario("other", "beside \(count): by another service", .otherService, added),
            scenario("connect", "beside \(count): new connections", .newConnection, added),
        ]
    }

    private static var besideFlood: [Scenario] {
        func scenario(_ name: String, _ title: String, _ watched: Watched, _ metrics: [Metric]) -> Scenario {
            // Four flows, so that every worker has its part of the flood.
            Scenario(
                "fair-flood-\(name)", title, load: "datagramsOneWay", backend: "datagramSinkAndEcho", transport: .udp,
                method: .fairness, connections: 4, metrics: metrics, watched: watched,
                rivals: ["portico", "nginx", "c-limit"])
        }
        return [
            scenario("load", "UDP flood, itself", .load, [.rate, .cpu, .lost]),
            scenario("ping", "beside the flood: round trips", .sameService, added + [.lost]),
            scenario("other", "beside the flood: by another service", .otherService, added + [.lost]),
        ]
    }

    /// The other way round: many small messages must not starve the streams either.
    private static let besideMessages = [
        Scenario(
            "fair-messages-bulk", "4 streams beside 64 ping-pongs", load: "bulkUp", backend: "sinkAndEcho",
            method: .fairness, work: .bytes, connections: 4, messageSize: 128 << 10, metrics: [.rate], watched: .load,
            pingPongs: 64, rivals: ["portico", "haproxy-splice", "c-limit"])
    ]
}
