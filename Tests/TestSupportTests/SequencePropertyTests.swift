import TestSupport
import Testing

@Suite("Properties of sequences") struct SequencePropertyTests {
    /// Fails once a 3 comes after a 7.
    private let property = SequenceProperty<Int> { random in
        (0..<200).map { _ in Int.random(in: 0..<10, using: &random) }
    } holds: { numbers in
        guard let seven = numbers.firstIndex(of: 7), numbers[seven...].contains(3) else { return nil }
        return "a 3 after a 7"
    }

    @Test("What does not matter to a failure is left out")
    func shortest() throws {
        let failure = try #require(property.failure(of: Array(0..<10) + [1, 3, 5] + Array(repeating: 3, count: 50)))
        #expect(failure.events == [7, 3] && failure.text == "a 3 after a 7")
        #expect(property.failure(of: [3, 7]) == nil)
        #expect(property.failure(of: []) == nil)
    }

    @Test("A failure is an issue that names the seed and the sequence")
    func issue() {
        withKnownIssue {
            property.verify(seed: 1)
        } matching: { issue in
            let text = issue.comments.map(\.rawValue).joined()
            return text.contains("seed 1") && text.contains("1. 7\n  2. 3\n") && text.contains("a 3 after a 7")
        }
    }

    @Test("One seed makes one sequence, and another one another")
    func seeds() {
        func numbers(_ seed: UInt64) -> [UInt64] {
            var random = SeededRandom(seed)
            return (0..<100).map { _ in random.next() }
        }
        #expect(numbers(1) == numbers(1))
        #expect(Set((0..<10).flatMap { numbers($0) }).count == 1000)
    }
}
