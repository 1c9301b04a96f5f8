import Services
import TestSupport
import Testing

@testable import Redirect

@Suite("What the kernel tells of changes") struct FirewallNewsTests {
    /// A message as netlink has it: kind, and texts by the number of their attribute.
    private func message(_ kind: UInt8, _ texts: [(UInt16, String)], subsystem: UInt8 = 10) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
        func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4) }
        let body = texts.flatMap { number, text in
            padded(bytes(UInt16(text.utf8.count + 5)) + bytes(number) + Array(text.utf8) + [0])
        }
        return bytes(UInt32(20 + body.count)) + [kind, subsystem] + Array(repeating: 0, count: 10) + [2, 0, 0, 0] + body
    }

    @Test(
        "Only what is about Portico's chains and jumps counts",
        arguments: [
            (8, [(1, "nat"), (2, "KUBE-PORTALS-HOST")], true), (8, [(1, "nat"), (2, "PREROUTING")], true),
            (8, [(1, "nat"), (2, "POSTROUTING")], false), (8, [(1, "nat"), (2, "CNI-1234")], false),
            (6, [(1, "filter"), (2, "PORTICO-REFUSE-HOST")], true), (6, [(1, "filter"), (2, "INPUT")], false),
            (5, [(1, "nat"), (3, "KUBE-PORTALS-HOST")], true), (5, [(1, "nat"), (3, "KUBE-SERVICES")], false),
            (2, [(1, "nat")], true), (2, [(1, "kube-proxy")], false), (15, [(1, "nat"), (2, "PREROUTING")], false),
        ] as [(UInt8, [(UInt16, String)], Bool)])
    func concern(kind: UInt8, texts: [(UInt16, String)], concerns: Bool) {
        #expect(FirewallNews.concernsUs(message(kind, texts)) == concerns)
        let other = message(6, [(1, "filter"), (2, "FORWARD")])
        #expect(FirewallNews.concernsUs(other + message(kind, texts) + other) == concerns, "one among several")
        #expect(!FirewallNews.concernsUs(message(kind, texts, subsystem: 1)), "of another subsystem")
    }

    @Test("Nonsense is no news")
    func nonsense() {
        let whole = message(8, [(1, "nat"), (2, "PREROUTING")])
        for length in 0..<whole.count { #expect(!FirewallNews.concernsUs(Array(whole[..<length]))) }
        #expect(!FirewallNews.concernsUs(Array(repeating: 0xFF, count: 100)))
        #expect(!FirewallNews.concernsUs(Array(repeating: 0, count: 100)))
    }
}
