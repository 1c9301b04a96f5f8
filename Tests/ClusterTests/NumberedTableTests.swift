import Testing

@testable import Cluster

@Suite("Values by key and number") struct NumberedTableTests {
    @Test("A number stands for one key, and for the next one once that is gone")
    func numbers() {
        var table = NumberedTable<String, Int>()
        let (a, b) = (table.insert("a", 1), table.insert("b", 2))
        #expect(a != b && table.insert("a", 3) == a && table["a"] == 1, "what is there stays")
        table.remove(a)
        #expect(table.count == 1 && table["a"] == nil && table[a] == nil)
        #expect(table.insert("c", 4) == a && table[a]?.key == "c" && table["b"] == 2)
    }
}
