import Relay
import Status

/// What `portico forward` prints on its own: a line for each client, as its counterpart does. All else is in the log.
struct ForwardReport: SessionReport {
    func listening(_ status: Status) {}
    func changed(_ change: StatusChange, _ board: StatusBoard) {}
    func missed(_ changes: Int, _ board: StatusBoard) {}
    func summary(_ snapshot: RelaySnapshot) {}

    func hear(_ event: RelayEvent) {
        if case .clientAccepted(_, let port) = event {
            StandardStream.output.write("Handling connection for \(port)\n")
        }
    }
}
