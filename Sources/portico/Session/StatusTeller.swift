import Base
import Logging
import Proxy
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
        for problem in problems.prefix(Self.mostLines) {
            say(level(problem), "\(prefix)\(problem)", Self.fields(problem))
        }
        guard let next = problems.dropFirst(Self.mostLines).first else { return }
        say(level(next), "… and \(several(problems.count - Self.mostLines, "more such line"))\(others)")
    }

    private func say(_ level: Logger.Level, _ text: String, _ fields: Logger.Metadata = [:]) {
        guard let leftOut = limit.withLock({ $0.take() }) else { return }
        let before = leftOut > 0 ? " (\(several(leftOut, "line")) before this one left out)" : ""
        logger.log(level: level, "\(text)\(before)", metadata: fields)
    }

    private static func fields(_ problem: Problem) -> Logger.Metadata {
        let service = problem.subject.hasPrefix("Service ") ? problem.subject.dropFirst("Service ".count) : nil
        return .fields(["problem": problem.kind.rawValue, "subject": problem.subject, "service": service])
    }
}
