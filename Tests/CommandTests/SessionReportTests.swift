import Foundation
import Relay
import Status
import TestSupport
import Testing

@testable import portico

@Suite("What a session tells of its changes", .timeLimit(.minutes(1))) struct SessionReportTests {
    private struct Report: SessionReport {
        let told = Locked<[String]>([])
        /// Called while it is told that all is served.
        var atListening: @Sendable () -> Void = {}
        /// Called at each change that is told.
        var atChange: @Sendable () -> Void = {}

        func say(_ text: String) { told.withLock { $0.append(text) } }
        func listening(_ status: Status) {
            say("listening \(status.portCount)")
            atListening()
        }
        func missed(_ changes: Int, _ board: StatusBoard) { say("missed \(changes)") }
        func summary(_ snapshot: RelaySnapshot) {}
        func changed(_ change: StatusChange, _ board: StatusBoard) {
            say("changed")
            atChange()
        }
    }

    private let board = StatusBoard()

    private func change(times: Int = 1) {
        for _ in 0..<times { board.update { $0.update(rules: RulesStatus()) } }
    }

    private func told(_ report: Report = Report(), room: Int, _ steps: () -> Void) async -> [String] {
        let changes = board.reader(room: room)
        steps()
        board.finish()
        await report.follow(changes, board)
        return report.told.withLock { $0 }
    }

    @Test("Nothing is told before all is served, and every change from then on")
    func order() async {
        let told = await told(room: 100) {
            change(times: 3)
            board.update {
                $0.portCount = 7
                $0.enter(.serving)
            }
            change(times: 2)
            board.update { $0.enter(.draining) }
        }
        #expect(told == ["listening 7", "changed", "changed", "changed"])
    }

    @Test("Whoever tells that all is served may take long: others go on meanwhile")
    func slowTelling() async {
        let goesOn = Locked(false)
        var report = Report()
        report.atListening = { [board] in
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                board.update { $0.portCount = 8 }
                done.signal()
            }
            let isOver = done.wait(timeout: .now() + 20) == .success
            goesOn.withLock { $0 = isOver }
        }
        _ = await told(report, room: 100) { board.update { $0.enter(.serving) } }
        #expect(goesOn.withLock { $0 })
    }

    @Test("Scripts wait for the moment at which all is served: it is told though the change to that was missed")
    func missedMoment() async {
        let told = await told(room: 2) {
            change()
            board.update { $0.enter(.serving) }
            change(times: 5)
        }
        #expect(told == ["listening 0", "changed", "changed"])
    }

    @Test("What was missed before that moment is nobody's loss, and who has ended is not said to listen")
    func missedBefore() async {
        let begun = await told(room: 2) {
            change(times: 9)
            board.update { $0.enter(.serving) }
        }
        #expect(begun.first == "listening 0" && begun.count { $0 != "changed" } == 1, "\(begun)")
        let ended = StatusBoard()
        let changes = ended.reader(room: 1)
        for phase in [Status.Phase.serving, .draining, .ended] { ended.update { $0.enter(phase) } }
        ended.finish()
        let report = Report()
        await report.follow(changes, ended)
        #expect(report.told.withLock { $0 } == [])
    }

    @Test("How many changes were missed later is told in their place")
    func missed() async {
        let changes = board.reader(room: 2)
        board.update { $0.enter(.serving) }
        change()
        let (board, isFirst) = (board, Locked(true))
        let report = Report(atChange: {
            let isThis = isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst
            }
            guard isThis else { return }
            for _ in 0..<5 { board.update { $0.update(rules: RulesStatus()) } }
            board.finish()
        })
        await report.follow(changes, board)
        #expect(report.told.withLock { $0 } == ["listening 0", "changed", "missed 3", "changed", "changed"])
    }
}
