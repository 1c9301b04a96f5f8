/// Which versions of the conversation a program speaks, and which of them it has with another one.
///
/// The new process greets with the newest version that it speaks. The old one answers with the newest of its own that
/// is no newer than that, and both go on in it. So a program that speaks N and N − 1 takes over from one that knows
/// N − 1 only, which is an upgrade, and hands over to it, which is a downgrade.
///
/// docs/hot-restart.md has the table of versions; Tests/RelayTests/Handover/Recorded has a conversation in each.
struct HandoverVersions: Sendable {
    /// This program's.
    static let spoken = HandoverVersions(1...1)

    let range: ClosedRange<Int>

    init(_ range: ClosedRange<Int>) { self.range = range }

    /// What the new process greets with.
    var newest: Int { range.upperBound }

    /// The old process's answer to a greeting. Where it is newer than what was asked for there is no version for both,
    /// and it tells which one would have done.
    func answer(to asked: Int) -> Int { min(max(asked, range.lowerBound), range.upperBound) }

    /// Whether the new process goes on in the version that it was answered with.
    func includes(_ answer: Int) -> Bool { range.contains(answer) }
}

extension HandoverVersions: CustomStringConvertible {
    var description: String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
}
