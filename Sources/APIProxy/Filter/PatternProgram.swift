/// A ``Pattern`` as steps, of which all that may come next are followed at once: time in proportion to the text times
/// the pattern, whatever both are.
struct PatternProgram: Sendable {
    private enum Step: Sendable {
        case scalars(ScalarSet)
        case place(PatternPlace)
        case either(Int, Int)
        case jump(Int)
        case found
    }

    private var steps: [Step] = []

    /// `((a{1000}){1000}){1000}` is short to write.
    private static let mostSteps = 10_000

    init(_ node: PatternNode, _ text: String) throws(PatternError) {
        guard append(node) else { throw PatternError(pattern: text, reason: "it repeats too much") }
        steps.append(.found)
    }

    /// - Returns: false if it is too much.
    private mutating func append(_ node: PatternNode) -> Bool {
        guard steps.count < Self.mostSteps else { return false }
        switch node {
        case .scalars(let set): steps.append(.scalars(set))
        case .place(let place): steps.append(.place(place))
        case .sequence(let parts): return parts.allSatisfy { append($0) }
        case .choice(let parts): return appendChoice(parts[...])
        case .repeated(let part, let least, let most): return appendRepeated(part, least, most)
        }
        return true
    }

    private mutating func appendChoice(_ parts: ArraySlice<PatternNode>) -> Bool {
        guard let part = parts.first else { return true }
        guard parts.count > 1 else { return append(part) }
        let fork = reserve()
        guard append(part) else { return false }
        let jump = reserve()
        steps[fork] = .either(fork + 1, steps.count)
        guard appendChoice(parts.dropFirst()) else { return false }
        steps[jump] = .jump(steps.count)
        return true
    }

    private mutating func appendRepeated(_ part: PatternNode, _ least: Int, _ most: Int?) -> Bool {
        for _ in 0..<least { guard append(part) else { return false } }
        guard let most else {
            let fork = reserve()
            guard append(part) else { return false }
            steps.append(.jump(fork))
            steps[fork] = .either(fork + 1, steps.count)
            return true
        }
        var forks: [Int] = []
        for _ in least..<most {
            forks.append(reserve())
            guard append(part) else { return false }
        }
        for fork in forks { steps[fork] = .either(fork + 1, steps.count) }
        return true
    }

    private mutating func reserve() -> Int {
        steps.append(.found)
        return steps.count - 1
    }

    // MARK: - Looking

    func matches(_ text: some Collection<Unicode.Scalar>) -> Bool {
        var current: [Int] = []
        var before: Unicode.Scalar?
        var next = text.startIndex
        while true {
            let after = next < text.endIndex ? text[next] : nil
            // It may begin at every place.
            var seen = [Bool](repeating: false, count: steps.count)
            var waiting: [Int] = []
            for start in current + [0] where follow(start, before, after, &seen, &waiting) { return true }
            guard let after else { return false }
            current = waiting.filter { index in
                guard case .scalars(let set) = steps[index] else { return false }
                return set.contains(after)
            }.map { $0 + 1 }
            before = after
            next = text.index(after: next)
        }
    }

    /// Goes from a step to those that wait for a character.
    ///
    /// - Returns: whether that leads to the end.
    private func follow(
        _ start: Int, _ before: Unicode.Scalar?, _ after: Unicode.Scalar?, _ seen: inout [Bool], _ waiting: inout [Int]
    ) -> Bool {
        var open = [start]
        while let index = open.popLast() {
            guard !seen[index] else { continue }
            seen[index] = true
            switch steps[index] {
            case .found: return true
            case .scalars: waiting.append(index)
            case .place(let place): if place.holds(between: before, and: after) { open.append(index + 1) }
            case .either(let first, let second): open += [second, first]
            case .jump(let target): open.append(target)
            }
        }
        return false
    }
}
