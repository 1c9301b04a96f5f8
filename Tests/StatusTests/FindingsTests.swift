import Base
import Objects
import Status
import Testing

@Suite struct FindingsTests {
    @Test func whatIsNewAndWhatIsOverIsToldOnce() {
        var findings = Findings<String>()
        findings.replace(["a"], of: .services)
        #expect(findings.takeDifference() == Difference(new: ["a"]))
        #expect(findings.takeDifference().isEmpty)
        findings.replace(["b", "a"], of: .rules)
        #expect(findings.takeDifference() == Difference(new: ["b"]), "another has found the first already")
        #expect(findings.current == ["a", "b"] && findings.count == 2)
        findings.replace([], of: .services)
        #expect(findings.takeDifference().isEmpty, "the other still has it")
        findings.replace([], of: .rules)
        #expect(findings.takeDifference() == Difference(over: ["b", "a"]))
        #expect(findings.current == [] && findings.count == 0)
    }

    @Test func whatGoesFromOneFinderToAnotherIsNoNews() {
        let web = ObjectKey(namespace: "default", name: "web")
        var findings = Findings<String>()
        findings.replace(["a"], of: .service(web))
        _ = findings.takeDifference()
        findings.replace([], of: .service(web))
        findings.replace(["a", "b", "b"], of: .services)
        #expect(findings.takeDifference() == Difference(new: ["b"]))
        findings.replace(["a"], of: .services)
        #expect(findings.takeDifference() == Difference(over: ["b"]), "twice in one list is once")
    }

    @Test func theyAreShownInTheOrderOfTheFindersAndOfTheServices() {
        var findings = Findings<String>()
        for (item, finder) in [
            ("rules", Finder.rules), ("b", .service(ObjectKey(namespace: "x", name: "b"))), ("health", .health),
            ("a", .service(ObjectKey(namespace: "x", name: "a"))), ("file", .source), ("node", .services),
        ] { findings.replace([item], of: finder) }
        #expect(findings.current == ["file", "node", "a", "b", "health", "rules"])
    }

    /// The lists as they are, and what was told, put together again: they must say the same.
    @Test func whatWasToldAddsUpToWhatIsThere() {
        var generator = SeededGenerator(seed: 7)
        var findings = Findings<Int>()
        var known: Set<Int> = []
        let finders =
            [Finder.source, .services, .rules] + (0..<4).map { .service(ObjectKey(namespace: "n", name: "\($0)")) }
        for _ in 0..<500 {
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let list = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                    Int.random(in: 0...8, using: &generator)
                }
                findings.replace(list, of: finders.randomElement(using: &generator) ?? .source)
            }
            let difference = findings.takeDifference()
            #expect(known.isDisjoint(with: difference.new) && known.isSuperset(of: difference.over))
            known.formUnion(difference.new)
            known.subtract(difference.over)
            #expect(known == Set(findings.current) && known.count == findings.count)
        }
    }
}

private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 33)
    }
}
