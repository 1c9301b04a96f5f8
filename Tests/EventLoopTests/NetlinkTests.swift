import EventLoop
import Testing

@Suite("Messages of netlink")
struct NetlinkTests {
    @Test("What makes no sense is passed over")
    func nonsense() {
        let message: [UInt8] = NetlinkRequest.raw(UInt32(24)) + [0, 1, 0, 0] + Array(repeating: 0, count: 16)
        for length in 0..<message.count { #expect(Array(NetlinkMessages(message[..<length])).isEmpty) }
        #expect(Array(NetlinkMessages((message + message)[...])).count == 2)
        #expect(Array(NetlinkMessages([0xFF, 0xFF, 0xFF, 0xFF] + message)).isEmpty)
        for text: [UInt8] in [[], [3, 0, 1, 0], [9, 0, 1, 0], [0xFF, 0xFF, 1, 0, 0]] {
            #expect(Array(NetlinkAttributes(text[...])).isEmpty)
        }
        // The upper two bits of a number are no part of it.
        let attribute = NetlinkRequest.attribute(0x8001, [7])
        #expect(attribute == [5, 0, 1, 0x80, 7, 0, 0, 0])
        #expect(NetlinkAttributes(attribute[...])[1] == [7])
    }
}
