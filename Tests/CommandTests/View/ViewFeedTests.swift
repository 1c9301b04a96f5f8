import Balancing
import Base
import Objects
import Status
import TestSupport
import Testing

@testable import Relay
@testable import portico

@Suite("What a live view knows") struct ViewFeedTests {
    private var feed = ViewFeed(name: "portico dev", remarks: ["Ctrl-C ends."])
    private let start = ContinuousClock.now
    private let clock = WallClockTime(seconds: 0, milliseconds: 0)
    private let board = StatusBoard()

    private func id(_ service: String, _ transport: TransportProtocol = .tcp) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: service, port: ""), transport)
    }

    private func service(
        _ name: String, _ transport: TransportProtocol = .tcp, endpoints: Int = 2, doors: [DoorStatus]? = nil,
        notes: [Note] = []
    ) -> ServedService {
        let address = EndpointAddress(ip: ip("127.64.0.1"), port: 80)
        return ServedService(
            ports: [
                PortStatus(
                    id: id(name, transport),
                    endpoints: (0..<endpoints).map {
                        ServiceEndpoint(address: EndpointAddress(ip: ip("10.0.0.\($0 + 1)"), port: 8080))
                    }, doors: doors ?? [DoorStatus(wanted: address, listening: address, problem: nil)])
            ], notes: notes)
    }

    private mutating func serve(_ services: [String: ServedService?]) {
        let changed = Dictionary(
            uniqueKeysWithValues: services.map { (ObjectKey(namespace: "default", name: $0.key), $0.value) })
        let change = board.update { $0.update(services: changed) }
        feed.take(change, problems: board.read { $0.problemCount })
    }

    private func counters(_ ports: [ServicePortID: (inout PortCounters) -> Void]) -> RelaySnapshot {
        var snapshot = RelaySnapshot()
        for (id, change) in ports {
            var counters = PortCounters()
            change(&counters)
            snapshot.ports[id] = counters
        }
        return snapshot
    }

    private mutating func fail(_ port: ServicePortID, at time: Duration = .zero) -> Bool {
        let endpoint = Endpoint(EndpointAddress(ip: ip("10.0.0.1"), port: 8080), podName: "web-1")
        return feed.take(
            .dialFailed(DialFailure(port: port, endpoint: endpoint, attempt: 1, code: 111, limit: 250)), clock: clock,
            at: start + time)
    }

    @Test("Who serves from this machine is told, and what would serve where nobody does")
    mutating func reasons() throws {
        var (mine, absent) = (service("cart"), service("web", endpoints: 0))
        mine.ports[0].local = LocalStatus(place: "127.0.0.1:3000", isServing: true)
        absent.ports[0].absence = "3 replicas of Deployment web would serve it: --demo-pods"
        serve(["cart": mine, "web": absent])
        #expect(
            feed.model(RelaySnapshot(), at: start).rows.map(\.remark)
                == ["local 127.0.0.1:3000", "3 replicas of Deployment web would serve it: --demo-pods"])
        mine.ports[0].local = LocalStatus(place: "127.0.0.1:3000", isServing: false)
        serve(["cart": mine])
        _ = fail(id("cart"))
        let remark = try #require(feed.model(RelaySnapshot(), at: start).rows[0].remark)
        #expect(remark.hasPrefix("waits for 127.0.0.1:3000; ") && remark.contains("10.0.0.1:8080"))
    }

    @Test("States follow from endpoints and doors")
    mutating func states() {
        let address = EndpointAddress(ip: ip("127.64.0.1"), port: 80)
        let open = DoorStatus(wanted: address, listening: address, problem: nil)
        let shut = DoorStatus(wanted: address, listening: nil, problem: "cannot listen")
        serve([
            "a": service("a"), "b": service("b", endpoints: 0, notes: [Note("no pods", isDetail: false)]),
            "c": service("c", doors: [shut]), "d": service("d", doors: [open, shut]), "e": service("e"),
            "f": service("f"),
        ])
        let snapshot = counters([id("e"): { $0.ejectedEndpoints = 1 }, id("f"): { $0.ejectedEndpoints = 2 }])
        let rows = feed.model(snapshot, at: start).rows
        #expect(rows.map(\.id.name.service) == ["a", "b", "c", "d", "e", "f"])
        #expect(rows.map(\.state) == [.ok, .empty, .closed, .partly, .partly, .failing])
        #expect(rows.map(\.remark) == [nil, "no pods", "cannot listen", "cannot listen", nil, nil])
        #expect(rows.map(\.usable) == [2, 0, 2, 2, 1, 0])
    }

    @Test("Rates are of the last second or more")
    mutating func rates() {
        serve(["a": service("a")])
        func snapshot(_ bytes: UInt64) -> RelaySnapshot {
            counters([
                id("a"): {
                    $0.bytesUp = bytes
                    $0.bytesDown = bytes
                }
            ])
        }
        #expect(feed.model(snapshot(1000), at: start).rows[0].rate == 0)
        #expect(feed.model(snapshot(9000), at: start + .milliseconds(100)).rows[0].rate == 0)
        let model = feed.model(snapshot(5000), at: start + .seconds(2))
        #expect(model.rows[0].rate == 4000 && model.rate == 4000)
        #expect(feed.model(snapshot(5000), at: start + .seconds(3)).rows[0].rate == 0)
        #expect(feed.model(snapshot(0), at: start + .seconds(4)).rows[0].rate == 0)
    }

    @Test("What failed last is told, with how often, and forgotten after a minute without trouble")
    mutating func failures() {
        serve(["a": service("a"), "b": service("b")])
        #expect(fail(id("a")))
        let remark = feed.model(RelaySnapshot(), at: start).rows[0].remark
        #expect(remark?.hasSuffix("web-1 10.0.0.1:8080: connection refused") == true, "\(remark ?? "")")
        #expect(!fail(id("a"), at: .seconds(1)), "more of the same can wait")
        let rows = feed.model(RelaySnapshot(), at: start + .seconds(1)).rows
        #expect(rows[0].remark?.hasSuffix("connection refused, 2 failures") == true && rows[1].remark == nil)
        let ejected = counters([id("a"): { $0.ejectedEndpoints = 1 }])
        #expect(feed.model(ejected, at: start + .seconds(100)).rows[0].remark != nil, "it still fails")
        #expect(feed.model(RelaySnapshot(), at: start + .seconds(100)).rows[0].remark == nil)
    }

    @Test("A UDP endpoint is in doubt for a moment")
    mutating func doubt() {
        serve(["a": service("a", .udp)])
        _ = fail(id("a", .udp))
        #expect(feed.model(RelaySnapshot(), at: start + .seconds(1)).rows[0].state == .partly)
        #expect(feed.model(RelaySnapshot(), at: start + .seconds(9)).rows[0].state == .ok)
    }

    @Test("Services come and go, and what failed goes with them")
    mutating func changes() {
        serve(["b": service("b")])
        serve(["a": service("a")])
        _ = fail(id("a"))
        #expect(feed.model(RelaySnapshot(), at: start).rows.map(\.id.name.service) == ["a", "b"])
        serve(["a": nil])
        #expect(feed.model(RelaySnapshot(), at: start).rows.map(\.id.name.service) == ["b"])
        serve(["a": service("a", endpoints: 1)])
        let row = feed.model(RelaySnapshot(), at: start).rows[0]
        #expect(row.endpoints == 1 && row.remark == nil)
    }

    @Test("Whatever is told in between, the rows are those of a view that was told all of it at once")
    mutating func incremental() {
        var random = SeededRandom(7)
        var known: [String: ServedService] = [:]
        for step in 0..<200 {
            let name = "s\(Int.random(in: 0..<8, using: &random))"
            switch Int.random(in: 0..<4, using: &random) {
            case 0: known[name] = nil
            case 1: _ = fail(id(name), at: .seconds(step))
            default: known[name] = service(name, endpoints: Int.random(in: 0..<3, using: &random))
            }
            serve([name: known[name]])
            let snapshot = counters(
                (0..<3).map { _ in
                    let (name, open) = (Int.random(in: 0..<8, using: &random), Int.random(in: 0..<3, using: &random))
                    return (id("s\(name)"), (open, open % 2))
                })
            let rows = feed.model(snapshot, at: start + .seconds(step)).rows
            var other = feed
            let all = known.map { (ObjectKey(namespace: "default", name: $0.key), $0.value) }
            other.begin(Dictionary(uniqueKeysWithValues: all), problems: 0, phase: .serving)
            #expect(rows == other.model(snapshot, at: start + .seconds(step)).rows)
            #expect(rows.map(\.id.name.service) == known.keys.sorted())
        }
    }

    private func counters(_ ports: [(ServicePortID, (open: Int, ejected: Int))]) -> RelaySnapshot {
        var snapshot = RelaySnapshot()
        for (id, values) in ports {
            var counters = PortCounters()
            (counters.open, counters.accepted) = (values.open, UInt64(values.open))
            counters.ejectedEndpoints = values.ejected
            snapshot.ports[id] = counters
        }
        return snapshot
    }

    @Test("A port on both loopback addresses is one of localhost")
    mutating func localhost() {
        func door(_ address: String, _ wanted: UInt16, _ port: UInt16) -> DoorStatus {
            DoorStatus(
                wanted: EndpointAddress(ip: ip(address), port: wanted),
                listening: EndpointAddress(ip: ip(address), port: port), problem: nil)
        }
        let doors = [
            door("127.64.0.1", 80, 8080), door("127.0.0.1", 0, 9000), door("::1", 0, 9000), door("::1", 9001, 9001),
        ]
        serve(["a": service("a", doors: doors)])
        let row = feed.model(RelaySnapshot(), at: start).rows[0]
        #expect(row.addresses == ["127.64.0.1:8080 (for 80)", "localhost:9000", "[::1]:9001"])
    }
}
