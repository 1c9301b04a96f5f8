import Base
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "Every spelling has one canonical form",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("010.000.000.001", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.255"), ("192.168.100.9", "192.168.100.9"),
            ("00000000000000001.2.3.4", "1.2.3.4"),
            ("FD00::0001", "fd00::1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("::", "::"),
        ])
    func canonical(_ text: String, _ expected: String) {
        #expect(IPAddress(text)?.description == expected)
        #expect(IPAddress("x\(text)x".dropFirst().dropLast())?.description == expected, "as a part of a text")
    }

    @Test(
        "No addresses",
        arguments: [
            "", ".", "...", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.0.0.1",
            "1.2.3.999999999999",
            "1.2.3.-4", "+1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.x", "１.2.3.4", "1,2,3,4", "fd00:::1", "10.0.0.1/8",
        ])
    func invalid(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("An address with its port takes three words, which hundreds of thousands of endpoints have several of")
    func size() {
        #expect(MemoryLayout<EndpointAddress>.stride == 24 && MemoryLayout<IPPrefix>.stride == 24)
    }
}
