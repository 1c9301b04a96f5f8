import Admin
import Base
import Logging

/// Keeps the list of problems, and tells people of each when it comes and when it is over.
struct ProblemTeller: Sendable {
    /// Of many lines at once, people read the first.
    private static let mostLines = 20

    let board: ProblemBoard
    let logger: Logger

    init(board: ProblemBoard = ProblemBoard(), logger: Logger) {
        self.board = board
        self.logger = logger
    }

    /// What `source` knows of now, in place of what it knew of.
    func tell(_ problems: [Problem], of source: ProblemBoard.Source) {
        let (new, over) = board.replace(problems, of: source)
        log(new) { $0.severity == .error ? .error : .warning }
        // A problem that only says it in other words is not over.
        let subjects = Set(new.map { [$0.kind.rawValue, $0.subject] })
        log(over.filter { !subjects.contains([$0.kind.rawValue, $0.subject]) }, "no longer: ") { _ in .notice }
    }

    private func log(_ problems: [Problem], _ prefix: String = "", level: (Problem) -> Logger.Level) {
        for problem in problems.prefix(Self.mostLines) { logger.log(level: level(problem), "\(prefix)\(problem)") }
        guard let next = problems.dropFirst(Self.mostLines).first else { return }
        logger.log(level: level(next), "… and \(problems.count - Self.mostLines) more such lines; /healthz has them")
    }
}
