import Base
import Testing

@Suite("Room of dictionaries")
struct DictionaryRoomTests {
    @Test("Room is given back once most entries have gone, and what is left is still there")
    func givingBack() {
        var table = Dictionary(uniqueKeysWithValues: (0..<10_000).map { ($0, "\($0)") })
        for key in 100..<10_000 { #expect(table.take(key) == "\(key)") }
        #expect(table.capacity < 1024)
        #expect(table == Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, "\($0)") }))
        #expect(table.take(5000) == nil)
    }

    @Test("A value is set, replaced and taken out")
    func replacing() {
        var table: [Int: String] = [:]
        table.replace(1, with: "a")
        table.replace(1, with: "b")
        #expect(table == [1: "b"])
        table.replace(1, with: nil)
        table.replace(2, with: nil)
        #expect(table.isEmpty)
    }
}
