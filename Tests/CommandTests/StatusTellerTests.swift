import Base
import Logging
import Status
import TestSupport
import Testing

@testable import portico

@Suite("What people are told of problems", .timeLimit(.minutes(1))) struct StatusTellerTests {
    private let log = KeptLog()

    private func problem(_ number: Int, _ text: String = "is wrong") -> Problem {
        Problem(.error, .object, subject: "Service shop/s\(number)", text)
    }

    private func teller(isInHealth: Bool = false) -> StatusTeller {
        StatusTeller(logger: log.logger, isInHealth: isInHealth)
    }

    @Test("A problem is told when it comes and when it is over, and once if it is said in other words")
    func coming() {
        let teller = teller()
        func find(_ problems: Problem...) { teller.update { $0.replace(problems, of: .services) } }
        find(problem(1))
        find(problem(1))
        find(problem(1, "is still wrong"), problem(2))
        find(problem(2))
        find()
        #expect(
            log.lines == [
                "Service shop/s1: is wrong", "Service shop/s1: is still wrong", "Service shop/s2: is wrong",
                "no longer: Service shop/s1: is still wrong", "no longer: Service shop/s2: is wrong",
            ])
    }

    @Test("What is over of one kind is told beside what is new of another, about the same")
    func kinds() {
        let teller = teller()
        teller.update { $0.replace([problem(1)], of: .services) }
        teller.update {
            $0.replace([Problem(.error, .listener, subject: "Service shop/s1", "cannot listen")], of: .services)
        }
        #expect(
            log.lines == [
                "Service shop/s1: is wrong", "Service shop/s1: cannot listen", "no longer: Service shop/s1: is wrong",
            ])
    }

    @Test("Of many at once the first are told, and how many more there are; where they are too, if they are anywhere")
    func many() {
        for isInHealth in [true, false] {
            let before = log.lines.count
            let teller = teller(isInHealth: isInHealth)
            teller.update { $0.replace((1...25).map { problem($0) }, of: .services) }
            var lines = log.lines.dropFirst(before)
            #expect(lines.count == 21)
            #expect(lines.last == "… and 5 more such lines" + (isInHealth ? "; /healthz has them" : ""))
            teller.update { $0.replace([], of: .services) }
            lines = log.lines.dropFirst(before + 21)
            #expect(lines.count == 21 && lines.dropLast().allSatisfy { $0.hasPrefix("no longer: ") })
            #expect(lines.last == "… and 5 more such lines", "nothing has what is over")
        }
    }

    @Test("However often however much changes, people can read the log, and learn what they have not read")
    func flood() async {
        let teller = teller()
        for round in 0..<2000 {
            teller.update { $0.replace((1...25).map { problem($0, "is wrong \(round)") }, of: .services) }
        }
        let told = log.lines.count
        // As many as at once, and one in each second that this may have taken.
        #expect(told >= 100 && told < 200, "\(told)")
        var round = 0
        func isCounted() -> Bool {
            round += 1
            teller.update { $0.replace([problem(1, "is wrong again \(round)")], of: .services) }
            return log.lines.contains { $0.contains(" lines before this one left out)") }
        }
        #expect(await eventually(every: .milliseconds(50)) { isCounted() })
    }

    @Test("Facts are told once; those that only explain, to those who asked for details; and they do not flood either")
    func notes() {
        let teller = teller()
        var (quiet, loud) = (log.logger, log.logger)
        (quiet.logLevel, loud.logLevel) = (.notice, .info)
        let notes = [Note("it is headless", isDetail: false), Note("it is small", isDetail: true)]
        for logger in [quiet, loud] {
            let teller = StatusTeller(logger: logger)
            for _ in 0..<2 { teller.update { $0.replace(notes: notes, of: .services) } }
        }
        #expect(log.lines == ["it is headless", "it is headless", "it is small"])
        for round in 0..<2000 {
            teller.update { $0.replace(notes: [Note("it is so \(round)", isDetail: false)], of: .services) }
        }
        #expect(log.lines.count < 203)
    }
}
