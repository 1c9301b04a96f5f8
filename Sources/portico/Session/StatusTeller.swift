import Base
import Logging
import Status

/// Takes the steps of a status, and tells people in the log what each has changed: problems when they come and when
/// they are over, and facts that explain what is not served.
struct StatusTeller: Sendable {
    /// Of many lines at once, people read the first.
    private static let mostLines = 20

    let board: StatusBoard
    let logger: Logger
    /// Where to find those that are too many to be logged; empty for nowhere.
    private let others: String
    private let limit = Guarded(LineLimit())

    /// - Parameter isInHealth: `/healthz` has all problems.
    init(_ board: StatusBoard = StatusBoard(), logger: Logger, isInHealth: Bool = false) {
        self.board = board
        self.logger = logger
        others = isInHealth ? "; /healthz has them" : ""
    }

    @discardableResult
    func update(_ step: (inout Status) -> Void) -> StatusChange {
        let change = board.update(step)
        tell(change.problems)
        for note in change.notes.new {
            // Details are for those who asked for everything.
            if note.isDetail { logger.info("\(note.text)") } else { say(.notice, note.text) }
        }
        return change
    }

    private func tell(_ problems: Difference<Problem>) {
        log(problems.new, others: others) { $0.severity == .error ? .error : .warning }
        // A problem that only says it in other words is not over.
        let subjects = Set(problems.new.map { [$0.kind.rawValue, $0.subject] })
        log(problems.over.filter { !subjects.contains([$0.kind.rawValue, $0.subject]) }, prefix: "no longer: ") { _ in
            .notice
        }
    }

    private func log(
        _ problems: [Problem], prefix: String = "", others: String = "", level: (Problem) -> Logger.Level
    ) {
        for problem in problems.prefix(Self.mostLines) { say(level(problem), "\(prefix)\(problem)") }
        guard let next = problems.dropFirst(Self.mostLines).first else { return }
        say(level(next), "… and \(problems.count - Self.mostLines) more such lines\(others)")
    }

    private func say(_ level: Logger.Level, _ text: String) {
        guard let leftOut = limit.withLock({ $0.take() }) else { return }
        let before = leftOut > 0 ? " (\(leftOut) lines before this one were left out)" : ""
        logger.log(level: level, "\(text)\(before)")
    }
}
