import Base
import TestSupport
import Testing

@testable import Redirect

@Suite("What the kernel tells of changes") struct FirewallNewsTests {
    /// A message as netlink has it: kind, and attributes by their number.
    private func message(_ kind: UInt8, _ attributes: [(UInt16, [UInt8])], subsystem: UInt8 = 10) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
        func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4) }
        let body = attributes.flatMap { number, value in
            padded(bytes(UInt16(value.count + 4)) + bytes(number) + value)
        }
        return bytes(UInt32(20 + body.count)) + [kind, subsystem] + Array(repeating: 0, count: 10) + [2, 0, 0, 0] + body
    }

    private func message(_ kind: UInt8, _ texts: [(UInt16, String)], subsystem: UInt8 = 10) -> [UInt8] {
        message(kind, texts.map { ($0, Array($1.utf8) + [0]) }, subsystem: subsystem)
    }

    /// The end of transaction 9, by process 258.
    private var end: [UInt8] { message(15, [(1, [0, 0, 0, 9]), (2, [0, 0, 1, 2])]) }

    private func touching(_ bytes: [UInt8]) -> [UInt32] {
        var news = FirewallNews()
        return news.take(bytes)
    }

    @Test(
        "Only what is about Portico's chains and jumps counts",
        arguments: [
            (8, [(1, "nat"), (2, "KUBE-PORTALS-HOST")], true), (8, [(1, "nat"), (2, "PREROUTING")], true),
            (8, [(1, "nat"), (2, "POSTROUTING")], false), (8, [(1, "nat"), (2, "CNI-1234")], false),
            (6, [(1, "filter"), (2, "PORTICO-REFUSE-HOST")], true), (6, [(1, "filter"), (2, "INPUT")], false),
            (5, [(1, "nat"), (3, "KUBE-PORTALS-HOST")], true), (5, [(1, "nat"), (3, "KUBE-SERVICES")], false),
            (2, [(1, "nat")], true), (2, [(1, "kube-proxy")], false), (7, [(1, "nat"), (2, "PREROUTING")], false),
        ] as [(UInt8, [(UInt16, String)], Bool)])
    func concern(kind: UInt8, texts: [(UInt16, String)], concerns: Bool) {
        let expected: [UInt32] = concerns ? [9] : []
        #expect(touching(message(kind, texts) + end) == expected)
        let other = message(6, [(1, "filter"), (2, "FORWARD")])
        #expect(touching(other + message(kind, texts) + other + end + end) == expected, "one among several")
        #expect(touching(message(kind, texts, subsystem: 1) + end).isEmpty, "of another subsystem")

        var news = FirewallNews()
        #expect(news.take(message(kind, texts)).isEmpty, "the transaction goes on")
        #expect(news.take(end) == expected)
        #expect(news.take(end).isEmpty)
        #expect(news.take(message(kind, texts)).isEmpty)
        news.skip()
        #expect(news.take(end).isEmpty, "what ends may be another one")
    }

    @Test("Nonsense is no news")
    func nonsense() {
        let whole = message(8, [(1, "nat"), (2, "PREROUTING")])
        for length in 0..<whole.count { #expect(touching(Array(whole[..<length])).isEmpty) }
        #expect(touching(Array(repeating: 0xFF, count: 100)).isEmpty)
        #expect(touching(Array(repeating: 0, count: 100)).isEmpty)
        #expect(touching(whole + message(15, [(1, [1])])) == [0], "a number that is none")
    }
}
