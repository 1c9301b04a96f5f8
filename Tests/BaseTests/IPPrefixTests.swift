import Base
import TestSupport
import Testing

@Suite("IP prefixes")
struct IPPrefixTests {
    @Test(
        "Canonical forms",
        arguments: [
            ("10.1.2.3/8", "10.0.0.0/8"), (" 10.0.0.0/8\t", "10.0.0.0/8"), ("010.0.0.0/32", "10.0.0.0/32"),
            ("0.0.0.0/0", "0.0.0.0/0"), ("fd00:1::ffff/32", "fd00:1::/32"), ("::/0", "::/0"),
            ("fd00::1/128", "fd00::1/128"),
            ("2001:db8::8000:0:0:1/65", "2001:db8:0:0:8000::/65"),
        ])
    func canonical(_ text: String, _ expected: String) throws {
        #expect(try #require(IPPrefix(text)).description == expected)
    }

    @Test(
        "No prefixes",
        arguments: [
            "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "/8", "10.0.0.0/ 8",
        ])
    func invalid(_ text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test("Membership")
    func contains() throws {
        let four = try #require(IPPrefix("10.250.1.0/24"))
        #expect(four.contains(ip("10.250.1.255")) && !four.contains(ip("10.250.2.0")) && !four.contains(ip("fd00::1")))
        let six = try #require(IPPrefix("fd00:250:1::/64"))
        #expect(six.contains(ip("fd00:250:1::31")) && !six.contains(ip("fd00:250:2::31")))
        #expect(try #require(IPPrefix("0.0.0.0/0")).contains(ip("203.0.113.9")))
    }
}
