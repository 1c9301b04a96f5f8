import Base
import Logging
import Status

/// Takes the steps of a status, and tells people in the log what each has changed: problems when they come and when they are
/// over, and facts that explain what is not served.
struct StatusTeller: Sendable {
    /// Of many lines at once, people read the first.
    private static let mostLines = 20

    let board: StatusBoard
    let logger: Logger
    private let limit = Guarded(LineLimit())

    init(_ board: StatusBoard = StatusBoard(), logger: Logger) {
        self.board = board
        self.logger = logger
    }

    @discardableResult
    func update(_ step: (inout Status) -> Void) -> StatusChange {
        let change = board.update(step)
        tell(change.problems)
        for note in change.notes.new { logger.log(level: note.isDetail ? .info : .notice, "\(note.text)") }
        return change
    }

    private func tell(_ problems: Difference<Problem>) {
        log(problems.new, more: "; /healthz has them") { $0.severity == .error ? .error : .warning }
        // A problem that only says it in other words is not over.
        let subjects = Set(problems.new.map { [$0.kind.rawValue, $0.subject] })
        log(problems.over.filter { !subjects.contains([$0.kind.rawValue, $0.subject]) }, prefix: "no longer: ") { _ in
            .notice
        }
    }

    /// - Parameter more: where to find those that are too many to be logged.
    private func log(
        _ problems: [Problem], prefix: String = "", more: String = "", level: (Problem) -> Logger.Level
    ) {
        for problem in problems.prefix(Self.mostLines) {
            guard let leftOut = limit.withLock({ $0.take() }) else { continue }
            let before = leftOut > 0 ? " (\(leftOut) lines about problems before this one were left out)" : ""
            logger.log(level: level(problem), "\(prefix)\(problem)\(before)")
        }
        guard let next = problems.dropFirst(Self.mostLines).first else { return }
        logger.log(level: level(next), "… and \(problems.count - Self.mostLines) more such lines\(more)")
    }
}
