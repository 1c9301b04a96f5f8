import Testing

@testable import Objects

@Suite("Names of objects")
struct ObjectNameTests {
    private func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    @Test(
        "Names that both rules let through", arguments: ["a", "0", "web", "web-1", "a--b", "10-0-0-1", "xn--bcher-kva"])
    func both(_ name: String) {
        #expect(ObjectName.label.admits(name) && ObjectName.subdomain.admits(name))
    }

    @Test(
        "Points are for objects whose names may be those of hosts", arguments: ["a.b", "node-1.example.com", "1.2.3.4"])
    func points(_ name: String) {
        #expect(!ObjectName.label.admits(name) && ObjectName.subdomain.admits(name))
    }

    @Test(
        "Names that neither lets through",
        arguments: [
            "", "-", "-a", "a-", ".", ".a", "a.", "a..b", "a.-b", "a-.b", "A", "aB", "a_b", "a b", " a", "a ", "a\n",
            "a/b", "a:b", "a\u{0}", "é", "e\u{301}", "\u{FF41}", "٣", "🙂", "a\u{200B}b", "../etc", "%61",
        ])
    func neither(_ name: String) {
        #expect(!ObjectName.label.admits(name) && !ObjectName.subdomain.admits(name))
    }

    @Test("A label has 63 characters at most, a name of several 253")
    func lengths() {
        #expect(ObjectName.label.admits(repeated("a", 63)) && !ObjectName.label.admits(repeated("a", 64)))
        #expect(ObjectName.subdomain.admits(repeated("a.", 126) + "a"))
        #expect(!ObjectName.subdomain.admits(repeated("a.", 126) + "ab"))
        // Unlike in DNS, which an API server does not ask for here, one part alone may be as long.
        #expect(ObjectName.subdomain.admits(repeated("a", 253)) && !ObjectName.subdomain.admits(repeated("a", 254)))
    }

    @Test("What is told of a bad name says what is allowed, and how long")
    func expectations() {
        #expect(ObjectName.label.expectation == "a name of at most 63 lower-case letters, digits and hyphens")
        #expect(
            ObjectName.subdomain.expectation
                == "a name of at most 253 lower-case letters, digits, hyphens and points")
    }
}
