import Base
import Relay
import TestSupport
import Testing

/// Random sizes, sources and bursts, below what the sockets' buffers hold: nothing is lost, mixed up or changed.
@Suite(.timeLimit(.minutes(2))) struct DatagramFuzzTests {
    /// The kernel accounts for more than a datagram's bytes; this many of these sizes fit the smallest buffer on the way.
    private static let mostInBurst = 24
    private static let mostBytesInBurst = 70_000

    @Test(arguments: 0..<8 as Range<UInt64>) func nothingIsLost(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let servers = try (0..<3).map { _ in try UDPServer() }
        let harness = try await UDPHarness(servers.map(\.port))
        let clients = try (0..<12).map { _ in try UDPClient(to: harness.port) }
        var sentInAll = 0
        for round in 0..<25 {
            // A few clients at once, each with a burst; their datagrams mix in the relay.
            let speakers = clients.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random))
            var bursts: [(client: UDPClient, sent: [[UInt8]])] = speakers.map { ($0, []) }
            var bytes = 0
            for number in 0..<Int.random(in: 1...Self.mostInBurst, using: &random) {
                let size = Self.size(using: &random)
                guard bytes + size <= Self.mostBytesInBurst else { break }
                bytes += size
                let index = Int.random(in: bursts.indices, using: &random)
                let datagram = BytePattern(seed: seed &* 1_000_003 &+ UInt64(round * 100 + number)).prefix(size)
                try bursts[index].client.send(datagram)
                bursts[index].sent.append(datagram)
                sentInAll += 1
            }
            for burst in bursts {
                for datagram in burst.sent {
                    let answer = try await burst.client.receive()
                    try #require(answer == datagram, "seed \(seed), round \(round), \(datagram.count) bytes")
                }
            }
        }
        let counters = await harness.counters
        #expect(counters.datagramsUp == UInt64(sentInAll) && counters.datagramsDown == UInt64(sentInAll))
        #expect(counters.dropped == 0)
        #expect(await harness.relay.stop())
    }

    /// Equal ones in a row often, for they are joined; now and then the smallest and the largest that there are.
    private static func size(using random: inout SeededGenerator) -> Int {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: 0
        case 1: Int.random(in: 1...65_507, using: &random)
        case 2...5: 1200
        default: Int.random(in: 1...2000, using: &random)
        }
    }
}
