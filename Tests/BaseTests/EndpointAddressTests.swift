import Base
import Testing

@Suite("Addresses with a port, and what kind they are") struct EndpointAddressTests {
    @Test(
        "Written as they are read",
        arguments: ["10.0.0.1:80", "255.255.255.255:65535", "[fd00::1]:1", "[::]:443", "[::1]:8080"])
    func spelling(_ text: String) {
        #expect(EndpointAddress(text)?.description == text)
        #expect(EndpointAddress("x\(text)x".dropFirst().dropLast())?.description == text, "as a part of a text")
    }

    @Test(
        "What is none",
        arguments: [
            "", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:+80",
            "10.0.0.1: 80",
            "10.0.0.1:80 ", "10.0.0.1:8_0", "10.0.0.1:８０", "10.0.0:80", ":80", "fd00::1:80", "[fd00::1]", "[fd00::1]80",
            "[10.0.0.1]:80", "[]:80", "[fd00::1:80", "fd00::1]:80", "localhost:80",
        ])
    func none(_ text: String) {
        #expect(EndpointAddress(text) == nil)
    }

    @Test(
        "Addresses that no Service and no endpoint of a cluster can have",
        arguments: [
            ("127.0.0.1", "a loopback address"), ("127.255.0.9", "a loopback address"), ("::1", "a loopback address"),
            ("169.254.169.254", "a link-local address"), ("fe80::1", "a link-local address"),
            ("febf::1", "a link-local address"), ("224.0.0.1", "a multicast address"),
            ("239.255.255.255", "a multicast address"), ("ff02::1", "a multicast address"),
            ("0.0.0.0", "an unspecified address"), ("0.1.2.3", "an unspecified address"),
            ("::", "an unspecified address"),
            ("255.255.255.255", "the broadcast address"),
        ])
    func special(_ text: String, _ kind: String) throws {
        #expect(try #require(IPAddress(text)).specialKind == kind)
    }

    @Test(
        "Addresses like any other",
        arguments: [
            "10.0.0.1", "1.0.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "223.255.255.255",
            "240.0.0.1", "255.255.255.254", "::2", "fd00::1", "fec0::1", "fe7f::1", "fe00::1", "2001:db8::1",
        ])
    func usual(_ text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.specialKind == nil && address.isGlobalUnicast)
    }

    @Test("A family that an IPv4 address is wrapped in makes no other address of it")
    func mapped() throws {
        #expect(try #require(IPAddress("::ffff:127.0.0.1")).specialKind == "a loopback address")
        #expect(try #require(IPAddress("::ffff:169.254.169.254")).specialKind == "a link-local address")
    }

    @Test("A hash that decides about addresses and ports is the same for ever")
    func hash() {
        #expect(StableHash.of("") == 10_791_730_426_899_978_467)
        #expect(StableHash.of("default/web") != StableHash.of("default/wea"))
        let places = Set((0..<1000).map { StableHash.of("default/service-\($0)") % 4_194_304 })
        #expect(places.count > 990, "names that differ in the end alone are spread")
    }
}
