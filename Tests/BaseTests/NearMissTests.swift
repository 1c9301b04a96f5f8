import Base
import Testing

@Suite("What a misspelt word was meant to be")
struct NearMissTests {
    private let fields = ["ports", "selector", "type", "clusterIP", "clusterIPs", "ip"]

    @Test(arguments: [
        ("prots", "ports"), ("port", "ports"), ("Ports", "ports"), ("selecter", "selector"), ("Selector", "selector"),
        ("clusterip", "clusterIP"), ("typ", "type"), ("IP", "ip"),
    ])
    func near(_ word: String, _ meant: String) { #expect(NearMiss.of(word, among: fields) == meant) }

    @Test(arguments: ["", "image", "env", "id", "i", "kind", "externalIPs", "ports", "section"])
    func far(_ word: String) { #expect(NearMiss.of(word, among: fields) == nil) }

    @Test(arguments: [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "abd", 1)])
    func edits(_ a: String, _ b: String, _ count: Int) {
        #expect(NearMiss.edits(Array(a.utf8), Array(b.utf8)) == count)
        #expect(NearMiss.edits(Array(b.utf8), Array(a.utf8)) == count)
    }
}
