import Testing

@testable import Cluster

@Suite("A set that counts") struct CountedSetTests {
    private var set = CountedSet<String>()

    @Test("Only the first time in and the last time out make a difference")
    mutating func firstAndLast() {
        #expect(set.insert("a") && !set.insert("a") && !set.insert("a"))
        #expect(set.contains("a") && set.count == 1)
        #expect(!set.remove("a") && !set.remove("a") && set.contains("a"))
        #expect(set.remove("a") && !set.contains("a") && set.count == 0)
        #expect(set.insert("a") && set.count == 1, "as if it had never been there")
    }

    @Test("To take out what is not there leaves no debt")
    mutating func absent() {
        #expect(!set.remove("a") && !set.remove("a"))
        #expect(set.insert("a") && set.contains("a"))
        #expect(!set.remove("b") && Array(set.elements) == ["a"])
    }

    @Test("Each element is counted for itself, and is listed once")
    mutating func elements() {
        for element in ["a", "b", "a", "c", "b", "a"] { set.insert(element) }
        #expect(set.elements.sorted() == ["a", "b", "c"] && set.count == 3)
        for element in ["a", "b", "c"] { set.remove(element) }
        #expect(set.elements.sorted() == ["a", "b"])
    }
}
