import Base
import EventLoop
import ForwardProxy
import TestSupport
import Testing

@testable import portico

@Suite("What is told of a proxy")
struct ForwardProxyNarratorTests {
    private let start = ContinuousClock.now

    private func refusal(_ text: String) -> ForwardProxyEvent {
        .refused(ForwardTarget(host: .name("x"), port: 80), ForwardRefusal(.notAllowed, text))
    }

    @Test("Each thing once a minute, of each user once, and of clients not each by its port")
    func once() {
        let log = KeptLog()
        var narrator = ForwardProxyNarrator(log.logger)
        for second in [0, 1, 59, 60, 61] {
            for port in [UInt16(4000), 4001] {
                let client = SocketAddress.loopback(port: port)
                for event in [
                    refusal("no\nsuch"), .stranger(client, user: 7), .stranger(client, user: nil),
                    .wrongPassword(client),
                ] {
                    narrator.tell(event, at: start + .seconds(second))
                }
            }
        }
        #expect(log.lines.count == 8)
        #expect(log.lines.allSatisfy { $0.hasPrefix("--socks: ") && !$0.contains("\n") })
        #expect(log.lines.prefix(4).contains { $0.contains("a client of user 7 is refused") && $0.contains("--share") })
    }

    @Test("Not more lines than people can read, whatever a browser asks for")
    func flood() {
        let log = KeptLog()
        var narrator = ForwardProxyNarrator(log.logger)
        for number in 0..<10_000 { narrator.tell(refusal("\(number)"), at: start) }
        #expect(log.lines.count <= 110)
        narrator.tell(refusal("later"), at: start + .seconds(5))
        #expect(log.lines.suffix(2).first?.contains("left out") == true)
    }
}
