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

    @Test("Of very many problems a hundred are told, and how many there are")
    func many() {
        let board = StatusBoard()
        let health = ProxyHealth(status: board)
        board.update { $0.replace((1...150).map { Problem(.error, .object, "problem \($0).") }, of: .services) }
        let body = String(decoding: health.answer(.healthz).body, as: UTF8.self)
        #expect(body.contains(#""problemCount":150,"problems":["problem 1.","#))
        #expect(body.hasSuffix(#""problem 100."]}"#), "\(body.suffix(100))")
        board.update { $0.replace([], of: .services) }
        #expect(!String(decoding: health.answer(.livez).body, as: UTF8.self).contains("problem"))
    }

    @Test("What is in a problem is one string of JSON, whatever it is")
    func hostile() {
        let board = StatusBoard()
        board.update { $0.replace([Problem(.error, .object, "a\n\"}],\u{1}\u{2028}\\")], of: .services) }
        let body = String(decoding: ProxyHealth(status: board).answer(.healthz).body, as: UTF8.self)
        #expect(body.hasSuffix(#""problems":["a\n\"}],\u0001\u2028\\"]}"#), "\(body)")
    }
}
