import Testing

@testable import Names

@Suite struct DNSNameTests {
    @Test(arguments: [
        (".", "."), ("a", "a."), ("web.default.svc.cluster.local.", "web.default.svc.cluster.local."),
        ("_http._tcp.web", "_http._tcp.web."), ("Web.Default", "Web.Default."),
    ])
    func readsAndPrints(text: String, printed: String) throws {
        let name = try #require(DNSName(text))
        #expect(name.description == printed)
        #expect(DNSName(printed) == name)
    }

    @Test(arguments: ["", "a..b", ".a", "..", String(repeating: "a", count: 64), String(repeating: "a.", count: 128)])
    func refuses(text: String) {
        #expect(DNSName(text) == nil)
    }

    @Test func takesTheLongest() {
        #expect(DNSName(String(repeating: "a", count: 63)) != nil)
        #expect(DNSName(String(repeating: "a.", count: 127))?.wire.count == 255)
    }

    @Test func caseMeansNothing() {
        #expect(name("WEB.default") == name("web.DEFAULT"))
        #expect(name("WEB.default").hashValue == name("web.DEFAULT").hashValue)
        #expect(name("web.default") != name("web-default"))
        // [ and { are a bit apart as letters are, and are none.
        #expect(name("[") != name("{"))
        #expect(DNSName(labels: [[0xC4]]) != DNSName(labels: [[0xE4]]), "only ASCII has case")
    }

    @Test func suffixesAreWholeLabels() {
        let domain = name("cluster.local")
        #expect(name("web.CLUSTER.local").relative(to: domain) == name("web"))
        #expect(domain.relative(to: domain) == .root)
        #expect(name("a.b").relative(to: .root) == name("a.b"))
        #expect(name("webcluster.local").relative(to: domain) == nil)
        #expect(name("local").relative(to: domain) == nil)
        #expect(name("b").below(name("c")) == name("b.c"))
        #expect(name(String(repeating: "a.", count: 127)).below(domain) == nil)
        #expect(name("a.b").parent == name("b"))
        #expect(name("a").parent == .root && DNSName.root.parent == nil)
    }

    @Test func strangeBytesAreEscaped() {
        #expect(DNSName(labels: [[0x61, 0x2E, 0x5C, 0x00, 0xFF, 0x20]])?.description == #"a\046\092\000\255\032."#)
    }
}
