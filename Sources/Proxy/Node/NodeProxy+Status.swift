internal import Balancing
internal import Base
internal import Status

/// A door of the plan, whichever address it was given in the end.
struct OpenDoor: Hashable {
    let id: ServicePortID
    let address: EndpointAddress
}

extension ProxyStatus {
    var openDoors: Set<OpenDoor> {
        var open: Set<OpenDoor> = []
        for port in ports {
            for door in port.doors where door.listening != nil {
                open.insert(OpenDoor(id: port.id, address: door.wanted))
            }
        }
        return open
    }

    /// Whose proxy port somebody else listens on.
    func proxyPortsInUse(of plan: NodePlan) -> Set<ServicePortID> {
        var taken: Set<OpenDoor> = []
        for port in ports {
            for door in port.doors where door.isInUse { taken.insert(OpenDoor(id: port.id, address: door.wanted)) }
        }
        guard !taken.isEmpty else { return [] }
        let losers = plan.relay.ports.filter { port in
            port.doors.contains { $0.role == .proxy && taken.contains(OpenDoor(id: port.id, address: $0.address)) }
        }
        return Set(losers.map(\.id))
    }
}
