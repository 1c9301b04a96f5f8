internal import Base

/// What is wrong with which pod, told once.
final class ProblemBook: Sendable {
    /// Of pods that have gone meanwhile something has to be forgotten.
    private static let most = 1000

    private let tell: @Sendable (TunnelProblem) -> Void
    private let told = Guarded<[PodPort: String]>([:])

    init(_ tell: @escaping @Sendable (TunnelProblem) -> Void) { self.tell = tell }

    /// - Parameter text: nil for that it works.
    func report(_ pod: PodPort, _ text: String?) {
        let isNew = told.withLock { told in
            if told.count >= Self.most, told[pod] == nil { told.removeAll() }
            guard told[pod] != text else { return false }
            told[pod] = text
            return true
        }
        if isNew { tell(TunnelProblem(pod: pod, text: text)) }
    }
}
