import Relay
import Status

/// What `portico dev` shows on a terminal: a live view in place of the tables, and at its end what came of it all.
struct LiveReport: SessionReport {
    let report: DevReport
    let view: LiveView

    /// - Parameter output: a terminal.
    init(_ report: DevReport, on output: StandardStream) {
        self.report = report
        let screen = TerminalScreen(descriptor: output.descriptor, inColour: output.takesColour)
        let remarks = ["Ctrl-C ends.", report.followed.map { "\($0) are followed." }].compactMap(\.self)
        view = LiveView(screen, ViewFeed(name: "portico dev", remarks: remarks))
    }

    func begin(_ counters: @escaping @Sendable () -> RelaySnapshot) { view.begin(counters) }

    func listening(_ status: Status) {
        view.update { feed in
            feed.begin(status.services, problems: status.problemCount, phase: status.phase)
            if let dns = status.names { feed.add(remark: "DNS on \(dns).") }
            if let proxy = status.forwardProxy { feed.add(remark: proxy.remark) }
            return true
        }
        view.open()
    }

    func changed(_ change: StatusChange, _ board: StatusBoard) {
        report.reachability?.forget(change)
        let problems = board.read { $0.problemCount }
        view.update { feed in
            feed.take(change, problems: problems)
            return true
        }
    }

    func missed(_ changes: Int, _ board: StatusBoard) {
        // It shows how things stand, and has missed nothing of that.
        let (services, problems, phase) = board.read { ($0.services, $0.problemCount, $0.phase) }
        view.update { feed in
            feed.begin(services, problems: problems, phase: phase)
            return true
        }
    }

    func hear(_ event: RelayEvent) {
        report.hear(event)
        view.update { $0.take(event, clock: .now()) }
    }

    func summary(_ snapshot: RelaySnapshot) {
        view.close()
        report.summary(snapshot)
    }
}
