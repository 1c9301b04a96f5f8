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

    @Test("Nothing happens for a number that nobody has, or has any more")
    func unknownNumbers() {
        var table = NumberedTable<String, Int>()
        table.remove(0)
        table.modify(.max) { $0 = 9 }
        #expect(table[0] == nil && table[UInt32.max] == nil && table.number(of: "a") == nil)
        let (a, b) = (table.insert("a", 1), table.insert("b", 2))
        table.remove(a)
        table.remove(a)
        table.modify(a) { $0 = 9 }
        #expect(table.count == 1 && table["b"] == 2 && table.insert("c", 3) == a)
        #expect(table.insert("d", 4) != a, "it is given away once")
        #expect(table[b]?.value == 2)
    }

    @Test("A value changes where it is, and no other does")
    func changes() {
        var table = NumberedTable<String, [Int]>()
        let (a, b) = (table.insert("a", [1]), table.insert("b", [2]))
        table.modify(a) { $0.append(3) }
        #expect(table["a"] == [1, 3] && table[b]?.value == [2])
    }

    @Test("Room is given back while a few stay, whose numbers stay, and low numbers are given first then")
    func room() {
        var table = NumberedTable<Int, Int>()
        let numbers = (0..<1000).map { table.insert($0, $0) }
        for number in numbers.dropFirst(3) { table.remove(number) }
        #expect(table.room < 10 && table.count == 3)
        for number in numbers.dropFirst(3) { #expect(table[number] == nil) }
        #expect((0..<3).allSatisfy { table[numbers[$0]]?.value == $0 })
        #expect(table[numbers[999]] == nil && table.insert(1000, 1) == 3)

        // Of those at the end nothing can be given back before they have gone.
        for key in 2000..<3000 { _ = table.insert(key, key) }
        for key in 2000..<2999 { table.number(of: key).map { table.remove($0) } }
        #expect(table.room > 1000 && table.number(of: 2999) != nil)
        table.number(of: 2999).map { table.remove($0) }
        #expect(table.room < 10 && table[1000] == 1)
        #expect(table.insert(4000, 1) == 4)
    }

    @Test("What is listed is what is there; a table from which all went begins anew")
    func entries() {
        var table = NumberedTable<String, Int>()
        let numbers = ["a", "b", "c"].enumerated().map { table.insert($1, $0) }
        table.remove(numbers[1])
        #expect(table.entries.map(\.key).sorted() == ["a", "c"] && !table.isEmpty)
        for number in numbers { table.remove(number) }
        #expect(table.isEmpty && Array(table.entries).isEmpty && table[numbers[2]] == nil)
        #expect(table.insert("d", 4) == 0 && table["d"] == 4 && table["a"] == nil)
    }
}
