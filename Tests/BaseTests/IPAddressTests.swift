import Base
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "Every spelling of an address is read, and written in one way",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0"),
            ("010.000.000.001", "10.0.0.1"), ("0000010.0.0.1", "10.0.0.1"), ("FD00:0::1", "fd00::1"), ("::", "::"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
        ])
    func spellings(_ text: String, _ written: String) { #expect(IPAddress(text)?.description == written) }

    @Test(
        "What is no address is none",
        arguments: [
            "", ".", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.0.0.1",
            "1.2.3.4294967297",
            "1.2.3.-4", "1.2.3.+4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.a", "1.2.3.٤", "1.2.3.4\u{0}", "1.2.3.4/8",
            "fd00::1/64",
            ":", "fd00:::1", "localhost",
        ])
    func none(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test("A part of a text is read as well as the whole")
    func substring() { #expect(IPAddress("10.0.0.1/8".prefix { $0 != "/" })?.description == "10.0.0.1") }
}
