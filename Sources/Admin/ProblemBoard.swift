public import Base
internal import EventLoop

/// All problems that there are now, for whoever wants to show them. Any thread.
///
/// Those who find problems each keep a list of their own here, which they replace as a whole.
public final class ProblemBoard: Sendable {
    /// Who has found them, in the order in which they are shown.
    public enum Source: Int, Hashable, Sendable, CaseIterable {
        case manifests
        case services
        case health
        case rules
    }

    private let lists = Guarded<[Source: [Problem]]>([:])

    public init() {}

    /// What `source` knows of from now on, in place of what it knew of.
    ///
    /// - Returns: those that nobody knew of, and those that are over.
    @discardableResult
    public func replace(_ problems: [Problem], of source: Source) -> (new: [Problem], over: [Problem]) {
        lists.withLock { lists in
            let before = Self.joined(lists)
            lists[source] = problems
            let after = Self.joined(lists)
            let (known, present) = (Set(before), Set(after))
            return (after.filter { !known.contains($0) }, before.filter { !present.contains($0) })
        }
    }

    /// Each once.
    public var current: [Problem] { lists.withLock { Self.joined($0) } }

    private static func joined(_ lists: [Source: [Problem]]) -> [Problem] {
        var seen: Set<Problem> = []
        return Source.allCases.flatMap { lists[$0] ?? [] }.filter { seen.insert($0).inserted }
    }
}
