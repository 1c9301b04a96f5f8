internal import Balancing
internal import Base

/// The open doors of a relay, by name and by service port: what concerns one service port looks at its doors alone.
struct Doors {
    private var doors: [Relay.DoorID: Relay.Door] = [:]
    private var names: [ServicePortID: Set<Relay.DoorID>] = [:]

    var all: some Collection<Relay.Door> { doors.values }

    func of(_ port: ServicePortID) -> Set<Relay.DoorID> { names[port] ?? [] }

    mutating func add(_ id: Relay.DoorID, _ door: Relay.Door) {
        doors[id] = door
        names[door.port, default: []].insert(id)
    }

    /// The door that is no longer there; nil if it was not.
    mutating func remove(_ id: Relay.DoorID) -> Relay.Door? {
        guard let door = doors.take(id) else { return nil }
        names[door.port]?.remove(id)
        if names[door.port]?.isEmpty == true { names.take(door.port) }
        return door
    }

    mutating func removeAll() { self = Doors() }
}
