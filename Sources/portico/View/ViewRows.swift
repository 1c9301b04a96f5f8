import Balancing
import Objects
import Status

/// The rows of a live view, in the order of their names. Only those are made anew whose Service has changed, or to
/// which something happens or has just happened: at rest ten thousand of them cost nothing.
struct ViewRows {
    private var facts: [ObjectKey: [PortFacts]] = [:]
    private(set) var rows: [ServiceRow] = []
    /// Where in `rows` they are, with their facts.
    private var places: [ServicePortID: (row: Int, facts: PortFacts)] = [:]
    private var hasOtherPorts = false
    /// Rows that do not stand as at rest.
    private var busy: Set<ServicePortID> = []

    mutating func replace(_ services: [ObjectKey: ServedService]) {
        facts = [:]
        for (key, service) in services { facts[key] = Self.facts(service) }
        hasOtherPorts = true
    }

    /// - Parameter service: nil if it is gone.
    mutating func update(_ key: ObjectKey, _ service: ServedService?) {
        let (before, now) = (facts[key] ?? [], service.map(Self.facts) ?? [])
        facts[key] = now.isEmpty ? nil : now
        guard before.map(\.id) == now.map(\.id), !hasOtherPorts else {
            hasOtherPorts = true
            return
        }
        for facts in now {
            guard let place = places[facts.id]?.row else { continue }
            places[facts.id] = (place, facts)
            rows[place] = facts.atRest
        }
    }

    /// Has the rows be as things stand.
    ///
    /// - Parameter awake: the ports to which something happens, and what that is.
    mutating func settle(_ awake: [ServicePortID: PortFacts.Moment]) {
        if hasOtherPorts { layOut() }
        for id in busy where awake[id] == nil {
            if let place = places[id] { rows[place.row] = place.facts.atRest }
        }
        busy = Set(awake.keys)
        for (id, moment) in awake {
            guard let place = places[id] else { continue }
            let row = place.facts.row(moment)
            if row != rows[place.row] { rows[place.row] = row }
        }
    }

    private mutating func layOut() {
        (rows, places, busy, hasOtherPorts) = ([], [:], [], false)
        for (_, ports) in facts.sorted(by: { $0.key < $1.key }) {
            for port in ports {
                places[port.id] = (rows.count, port)
                rows.append(port.atRest)
            }
        }
    }

    private static func facts(_ service: ServedService) -> [PortFacts] {
        service.ports.map { PortFacts($0, service) }
    }
}
