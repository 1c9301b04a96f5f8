import Testing

@testable import Documents

@Suite("Shared texts")
struct StringCacheTests {
    @Test("Equal texts share their memory, different ones of one length do not get mixed up")
    func strings() {
        let cache = StringCache()
        let texts = (0..<5000).map { "node-\($0 % 700).europe.example.org" + ($0 % 3 == 0 ? "" : "-x") }
        for text in texts { #expect(cache.string(Array(text.utf8)) == text) }
        #expect(cache.string(Array("".utf8)) == "")
        #expect(cache.string(Array(String(repeating: "é", count: 400).utf8)) == String(repeating: "é", count: 400))
    }
}
