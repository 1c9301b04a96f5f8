import Balancing
import Base
import TestSupport
import Testing

@Suite("What is reported once for all workers") struct EpisodeTests {
    @Test("A shortage is reported when it begins, in however many places, and again only once it was over for a while")
    func episode() {
        let episode = Episode()
        #expect(episode.begin(at: 1000))
        #expect(!episode.begin(at: 1001), "another worker has it too")
        episode.end(at: 1500)
        #expect(!episode.begin(at: 50_000), "it was not over in between")
        episode.end(at: 60_000)
        episode.end(at: 60_001)
        let over: UInt64 = 60_001
        #expect(!episode.begin(at: over + Episode.silence - 1))
        episode.end(at: over + Episode.silence)
        #expect(!episode.begin(at: over + Episode.silence + 1), "it came back meanwhile")
        episode.end(at: 100_000)
        #expect(episode.begin(at: 100_000 + Episode.silence))
    }

    @Test("Of many that begin at one moment one is told")
    func together() async {
        let (episode, once, waiting) = (Episode(), Once(), WaitingCount(limit: 500))
        let (begun, first, admitted) = (Locked(0), Locked(0), Locked([Int](repeating: 0, count: 3)))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 {
                group.addTask {
                    if episode.begin(at: 1) { begun.withLock { $0 += 1 } }
                    if once.isFirst() { first.withLock { $0 += 1 } }
                    let kind: Int =
                        switch waiting.enter() {
                        case .first: 0
                        case .admitted: 1
                        case .full: 2
                        }
                    admitted.withLock { $0[kind] += 1 }
                }
            }
        }
        #expect(begun.withLock { $0 } == 1 && first.withLock { $0 } == 1)
        // One that finds no room may push another out for a moment, and never lets one too many in.
        let counts = admitted.withLock { $0 }
        #expect(counts[0] == 1 && counts[0] + counts[1] <= 500 && counts.reduce(0, +) == 1000)
        for _ in 0..<(counts[0] + counts[1]) { waiting.leave() }
        #expect(waiting.enter() == .first, "all have left")
    }
}

@Suite("Names of what is balanced") struct ServicePortNameTests {
    private func id(
        _ service: String, _ port: String = "", _ transport: TransportProtocol = .tcp, namespace: String = "shop",
        list: EndpointList = EndpointList()
    ) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: namespace, service: service, port: port), transport, list)
    }

    @Test("They are written as people know them")
    func text() {
        #expect(id("web").description == "shop/web")
        #expect(id("web", "http").description == "shop/web:http")
        #expect(id("dns", "dns", .udp).description == "shop/dns:dns/udp")
        let local = id("web", list: EndpointList(.ipv6, .local))
        #expect(local.description == "shop/web" && local != id("web"), "clients know of no lists")
    }

    @Test("Their order is that of namespaces, names, ports, protocols and lists")
    func order() {
        let sorted = [
            id("z", "z", .udp, namespace: "a"), id("a"), id("a", list: EndpointList(.ipv4, .local)),
            id("a", list: EndpointList(.ipv6, .cluster)), id("a", "", .udp), id("a", "b"), id("b", "a"),
        ]
        #expect(sorted.shuffled().sorted() == sorted)
        for (index, one) in sorted.enumerated() {
            for other in sorted[index...] { #expect(!(other < one)) }
        }
    }
}
