/// Which labels an object must have: Kubernetes' label selectors, as `kubectl -l` takes them.
///
/// Requirements are joined by commas and must all hold: `app=web`, `app==web`, `app!=web`, `tier in (a, b)`,
/// `tier notin (a, b)`, `tier` (has the label), `!tier` (has it not), `generation>3`, `generation<9`. Without any
/// requirement everything matches.
public struct LabelSelector: Hashable, Sendable {
    /// It makes no sense, in words.
    public struct Failure: Error, Equatable, CustomStringConvertible {
        public let description: String

        init(_ description: String) { self.description = description }
    }

    struct Requirement: Hashable, Sendable {
        enum Condition: Hashable, Sendable {
            case isOneOf(Set<String>)
            /// Also holds where the label is missing.
            case isNoneOf(Set<String>)
            case exists
            case isMissing
            case isGreater(than: Int)
            case isLess(than: Int)
        }
        let key: String
        let condition: Condition
    }

    let requirements: [Requirement]

    /// Everything matches.
    public init() { requirements = [] }

    init(_ requirements: [Requirement]) { self.requirements = requirements }

    public init(_ text: String) throws(Failure) {
        var parser = LabelSelectorParser(text)
        self.init(try parser.parse())
    }

    public func matches(_ labels: [String: String]) -> Bool {
        requirements.allSatisfy { $0.matches(labels) }
    }
}

extension LabelSelector.Requirement {
    func matches(_ labels: [String: String]) -> Bool {
        let value = labels[key]
        switch condition {
        case .isOneOf(let values): return value.map(values.contains) ?? false
        case .isNoneOf(let values): return value.map { !values.contains($0) } ?? true
        case .exists: return value != nil
        case .isMissing: return value == nil
        case .isGreater(let bound): return value.flatMap { Int($0) }.map { $0 > bound } ?? false
        case .isLess(let bound): return value.flatMap { Int($0) }.map { $0 < bound } ?? false
        }
    }
}
