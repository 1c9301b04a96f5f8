import Objects
import Resolution
import TestSupport
import Testing

@Suite("Who has what only one may have") struct ClaimTableTests {
    typealias Table = ClaimTable<Int, String>

    private func wish(_ resources: Int..., since: Int64? = nil) -> Table.Wish {
        Table.Wish(resources, since: since.map { Timestamp(seconds: $0) })
    }

    @Test("What nobody has goes to the oldest, then to the first by name; without a time one is the youngest")
    func order() {
        var table = Table()
        let outcome = table.update([
            "d": wish(1, since: 5), "c": wish(1, since: 5), "b": wish(1, since: 7), "a": wish(1),
        ])
        #expect(table.holder(of: 1) == "c")
        #expect(table.waiting(for: 1) == ["d", "b", "a"])
        #expect(outcome.moved == [1: nil])
        #expect(outcome.affected == ["a", "b", "c", "d"])
    }

    @Test("A holder keeps what it has, also against an older one that comes later")
    func keeping() {
        var table = Table()
        _ = table.update(["young": wish(1, since: 9)])
        let outcome = table.update(["old": wish(1, 2, since: 1)])
        #expect(table.holder(of: 1) == "young" && table.holder(of: 2) == "old")
        #expect(outcome.moved == [2: nil] && outcome.affected == ["old"])
        // Nor is it taken away because the holder is said to be younger, or made anew in one step.
        #expect(table.update(["young": wish(1, since: 99)]).moved.isEmpty)
        #expect(table.holder(of: 1) == "young" && table.waiting(for: 1) == ["old"])
    }

    @Test("What one gives up goes to the next in line; all who wait are told whom they wait for")
    func givingUp() {
        var table = Table()
        _ = table.update(["a": wish(1, 2, since: 1)])
        _ = table.update(["b": wish(1, since: 2), "c": wish(1, since: 3)])
        let outcome = table.update(["a": wish(2, since: 1)])
        #expect(outcome.moved == [1: "a"] && outcome.affected == ["a", "b", "c"])
        #expect(table.holder(of: 1) == "b" && table.waiting(for: 1) == ["c"])
        #expect(table.holder(of: 2) == "a")
        // Whoever asks again stands at the end of those that are as old as he.
        _ = table.update(["a": wish(1, 2, since: 1)])
        #expect(table.holder(of: 1) == "b" && table.waiting(for: 1) == ["a", "c"])
    }

    @Test("Who leaves the line is forgotten, and what nobody wants is nobody's")
    func leaving() {
        var table = Table()
        _ = table.update(["a": wish(1, since: 1), "b": wish(1, since: 2), "c": wish(1, since: 3)])
        #expect(table.update(["b": wish()]).moved.isEmpty)
        #expect(table.waiting(for: 1) == ["c"])
        #expect(table.update(["c": wish(), "a": wish()]).moved == [1: "a"])
        #expect(table.holder(of: 1) == nil && table.waiting(for: 1).isEmpty)
        #expect(table.holders.isEmpty && table.claimants.isEmpty)
    }

    @Test("Giving up and asking for it happen at once: what is exchanged changes hands in one step")
    func exchange() {
        var table = Table()
        _ = table.update(["a": wish(1), "b": wish(2)])
        let outcome = table.update(["a": wish(2), "b": wish(1)])
        #expect(table.holders == [1: "b", 2: "a"])
        #expect(outcome.moved == [1: "a", 2: "b"])
    }

    @Test("A place in line follows the time; that is no news to others")
    func newTime() {
        var table = Table()
        _ = table.update(["a": wish(1, since: 1)])
        _ = table.update(["b": wish(1, since: 2), "c": wish(1, since: 3)])
        let outcome = table.update(["b": wish(1)])
        #expect(outcome.moved.isEmpty && outcome.affected.isEmpty)
        #expect(table.waiting(for: 1) == ["c", "b"])
    }

    @Test("Former holders have what they had until they say what they want")
    func formerHolders() {
        var table = Table(holders: [1: "b", 2: "b", 3: "gone"])
        #expect(Set(table.claimants) == ["b", "gone"])
        let outcome = table.update(["a": wish(1, 2, 3, since: 1), "b": wish(1, since: 2), "gone": wish()])
        #expect(table.holders == [1: "b", 2: "a", 3: "a"])
        #expect(outcome.moved == [2: "b", 3: "gone"])
    }

    @Test("Whatever happens, it is as the definition says", arguments: UInt64(1)...40)
    func definition(seed: UInt64) {
        var random = SeededRandom(seed)
        var table = Table()
        var wishes: [String: Table.Wish] = [:]
        var holders: [Int: String] = [:]
        for step in 0..<60 {
            var changes: [String: Table.Wish] = [:]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let resources = (0..<5).filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
                let time = Int64.random(in: 0..<4, using: &random)
                let name = ["a", "b", "c", "d", "e", "f"][Int.random(in: 0..<6, using: &random)]
                changes[name] = Table.Wish(resources, since: time == 0 ? nil : Timestamp(seconds: time))
            }
            let lines = (0..<5).map { table.holder(of: $0) }
            wishes.merge(changes) { $1 }
            let outcome = table.update(changes)

            var expected: [Int: String] = [:]
            for resource in 0..<5 {
                let wanting = wishes.filter { $0.value.resources.contains(resource) }
                let line = wanting.sorted {
                    ($0.value.since?.seconds ?? .max, $0.key) < ($1.value.since?.seconds ?? .max, $1.key)
                }.map(\.key)
                let holder = holders[resource].flatMap { wanting[$0] == nil ? nil : $0 } ?? line.first
                expected[resource] = holder
                #expect(table.waiting(for: resource) == line.filter { $0 != holder }, "seed \(seed), step \(step)")
                #expect((outcome.moved[resource] != nil) == (lines[resource] != holder), "seed \(seed), step \(step)")
                if lines[resource] != holder {
                    #expect(outcome.moved[resource] == lines[resource])
                    #expect(outcome.affected.isSuperset(of: Set(line + [lines[resource]].compactMap(\.self))))
                }
            }
            #expect(table.holders == expected, "seed \(seed), step \(step)")
            holders = expected
        }
    }
}
