internal import Balancing
internal import Base
internal import Host
internal import Objects
internal import Status

/// Service ports that are served at other numbers than their own since somebody else has those: one note, however many
/// they are.
struct MovedPorts: Sendable {
    private struct Move: Equatable {
        let port: ServicePortID
        let occupied: EndpointAddress
        let listening: EndpointAddress
    }

    private var moved: [ObjectKey: [Move]] = [:]
    /// Of the first move: looking for whoever has the address takes a while.
    private var told: (move: Move, owner: String?)?

    mutating func update(_ key: ObjectKey, _ ports: [PortStatus]) {
        let moves = ports.flatMap { port in
            port.doors.compactMap { door -> Move? in
                guard let occupied = door.occupied, let listening = door.listening else { return nil }
                return Move(port: port.id, occupied: occupied, listening: listening)
            }
        }
        moved.replace(key, with: moves.isEmpty ? nil : moves)
    }

    mutating func note(
        owner find: (EndpointAddress, TransportProtocol) -> String? = PortOwner.find
    ) -> Note? {
        guard let first = moved.min(by: { $0.key < $1.key })?.value.first else { return nil }
        if told?.move != first { told = (first, find(first.occupied, first.port.transport)) }
        let owner = told?.owner
        var text = "\(first.port) is served at \(first.listening), for \(first.occupied) is in use"
        if let owner { text += ", held by \(owner)" }
        let others = moved.values.reduce(0) { $0 + $1.count } - 1
        if others > 0 { text += "; so it is with \(others) more service port\(others == 1 ? "" : "s")" }
        // The likeliest of all: it runs in another terminal, with the same manifests.
        if owner?.hasPrefix("portico ") == true { text += ": another Portico serves these Services already" }
        return Note(text, isDetail: false)
    }
}
