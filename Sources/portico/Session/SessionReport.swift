import Relay
import Status

/// What a session prints: it reads the status as any other reader does.
protocol SessionReport: Sendable {
    /// Before all others: what the relay has counted, whenever it is asked.
    func begin(_ counters: @escaping @Sendable () -> RelaySnapshot)
    /// Everything that is served from now on. Scripts wait for this.
    func listening(_ status: Status)
    func changed(_ change: StatusChange, _ board: StatusBoard)
    /// It could not keep up: so many changes are not told.
    func missed(_ changes: Int, _ board: StatusBoard)
    /// Something that the relay reports, such as a connection that has ended.
    func hear(_ event: RelayEvent)
    /// What came of it all.
    func summary(_ snapshot: RelaySnapshot)
}

extension SessionReport {
    func begin(_ counters: @escaping @Sendable () -> RelaySnapshot) {}
    func hear(_ event: RelayEvent) {}

    /// Tells of every change, from the moment on at which all is served, until there are no more.
    func follow(_ changes: Broadcast<StatusChange>.Reader, _ board: StatusBoard) async {
        var isServing = false
        for await item in changes {
            switch item {
            case .missed(let count) where isServing: missed(count, board)
            case .event(let change) where isServing: changed(change, board)
            case .missed:
                // The moment itself may be among them, and scripts wait for it.
                isServing = board.read { $0.phase == .serving }
                if isServing { listen(board) }
            case .event(let change):
                isServing = change.phase == .serving
                if isServing { listen(board) }
            }
        }
    }

    /// With a copy, since to tell may take as long as a terminal does, and nobody else waits for that.
    private func listen(_ board: StatusBoard) {
        let status = board.read { copy $0 }
        listening(status)
    }
}
