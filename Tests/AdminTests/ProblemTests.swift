import Admin
import Base
import EventLoop
import HTTP
import Status
import TestSupport
import Testing

/// Where problems are shown.
@Suite struct ProblemTests {
    private let a = Problem(.error, .listener, subject: "default/a", "cannot listen")
    private let b = Problem(.warning, .node, "no IPv6 \"address\"")

    @Test func healthTellsThemAndStaysWhatItIs() {
        let board = StatusBoard()
        let health = ProxyHealth(status: board)
        health.nodeEligibility = .eligible
        #expect(!String(decoding: health.answer(.healthz).body, as: UTF8.self).contains("problem"))
        board.update { $0.replace([a, b], of: .services) }
        let answer = health.answer(.healthz)
        #expect(answer.status == .ok)
        let body = String(decoding: answer.body, as: UTF8.self)
        #expect(
            body.hasSuffix(
                #","problemCount":2,"problems":["default/a: cannot listen","no IPv6 \"address\""]}"#), "\(body)")
    }
}
