import Relay
import Status

/// What a session prints: it reads the status as any other reader does.
protocol SessionReport: Sendable {
    /// Everything that is served from now on. Scripts wait for this.
    func listening(_ status: Status)
    func changed(_ change: StatusChange, _ board: StatusBoard)
    /// It could not keep up: so many changes are not told.
    func missed(_ changes: Int)
    /// One connection that has ended.
    func connection(_ record: ConnectionRecord)
    /// What came of it all.
    func summary(_ snapshot: RelaySnapshot)
}

extension SessionReport {
    func connection(_ record: ConnectionRecord) {}

    /// Tells of every change, from the moment on at which all is served, until there are no more.
    func follow(_ changes: Broadcast<StatusChange>.Reader, _ board: StatusBoard) async {
        var isServing = false
        for await item in changes {
            switch item {
            case .missed(let count): missed(count)
            case .event(let change) where change.phase == .serving:
                isServing = true
                board.read { listening($0) }
            case .event(let change):
                if isServing { changed(change, board) }
            }
        }
    }
}
