import EventLoop
import Glibc
import Testing

@testable import Relay

/// What a direction holds, and above all when it holds nothing.
@Suite struct HoldTests {
    @Test func itGoesOutInOrderAndIsLetGoOfWithItsLastByte() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let sink = Descriptor(owning: ends[0])
        let source = Descriptor(owning: ends[1])
        var hold = Hold()
        // There is no buffer before there is anything to keep: an idle connection has none.
        let before = hold.write(to: sink, held: 1)
        #expect(before == .wouldBlock)

        let text = Array("held".utf8)
        text.withUnsafeBytes { hold.keep($0) }
        let all = hold.write(to: sink, held: 4)
        #expect(all == .moved(4))
        let after = hold.write(to: sink, held: 1)
        #expect(after == .wouldBlock, "the buffer outlived what was in it")

        var received = [UInt8](repeating: 0, count: 16)
        let read = received.withUnsafeMutableBytes { source.read(into: $0) }
        #expect(read == .moved(4))
        #expect(Array(received.prefix(4)) == text)
    }
}
