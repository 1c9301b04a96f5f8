import Admin
import Base
import EventLoop
import HTTP
import TestSupport
import Testing

/// The list of problems, and where it is shown.
@Suite struct ProblemTests {
    private let a = Problem(.error, .listener, subject: "default/a", "cannot listen")
    private let b = Problem(.warning, .node, "no IPv6 \"address\"")

    @Test func eachListIsReplacedAsAWholeAndSaysWhatIsNewAndWhatIsOver() {
        let board = ProblemBoard()
        #expect(board.replace([a], of: .services).new == [a])
        #expect(board.replace([b, a], of: .rules).new == [b], "another has found the first already")
        #expect(board.current == [a, b])
        let (new, over) = board.replace([], of: .services)
        #expect(new == [] && over == [], "the other still has it")
        #expect(board.replace([], of: .rules).over == [b, a])
        #expect(board.current == [])
    }

    @Test func healthTellsThemAndStaysWhatItIs() {
        let board = ProblemBoard()
        let health = ProxyHealth(problems: board)
        health.nodeEligibility = .eligible
        #expect(!String(decoding: health.answer(.healthz).body, as: UTF8.self).contains("problem"))
        board.replace([a, b], of: .services)
        let answer = health.answer(.healthz)
        #expect(answer.status == .ok)
        let body = String(decoding: answer.body, as: UTF8.self)
        #expect(
            body.hasSuffix(
                #","problemCount":2,"problems":["default/a: cannot listen","no IPv6 \"address\""]}"#), "\(body)")
    }
}
