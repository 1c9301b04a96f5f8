internal import Balancing
internal import Base
internal import Objects
internal import Resolution
internal import Status

extension DevelopmentProxy.Settings {
    /// Why a port has no endpoints, and what would serve it: `3 replicas of Deployment cart would serve it: --local
    /// cart=PORT, --demo-pods or a cluster`.
    ///
    /// - Parameters:
    ///   - siblings: how many ports its Service has.
    ///   - isLocal: a process of this machine is to serve it, and does not listen yet.
    func advice(_ port: ServicePort, siblings: Int, isLocal: Bool) -> String? {
        guard let absence = port.absence else { return nil }
        // Who forwards single ports has no such flags.
        guard givesAddresses else { return absence.reason }
        let name = port.name
        let place = (name.namespace == defaultNamespace ? "" : "\(name.namespace)/") + name.service
        let number = siblings == 1 ? "" : name.port.isEmpty ? ":\(port.port)" : ":\(name.port)"
        var ways = isLocal ? [] : ["--local \(place)\(number)=PORT"]
        if absence.canBePlayed, !playsPods { ways.append("--demo-pods") }
        if absence.canBePlayed, !isOfCluster { ways.append("a cluster") }
        return ways.isEmpty ? absence.reason : "\(absence.reason): \(ways.asChoice)"
    }
}

extension [PortStatus] {
    /// With why those have no endpoints that have none.
    func explained(_ settings: DevelopmentProxy.Settings, _ ports: [ServicePort]) -> [PortStatus] {
        guard contains(where: \.endpoints.isEmpty) else { return self }
        return map { status in
            guard status.endpoints.isEmpty,
                let port = ports.first(where: { $0.name == status.id.name && $0.transport == status.id.transport })
            else { return status }
            var status = status
            status.absence = settings.advice(port, siblings: ports.count, isLocal: status.local != nil)
            return status
        }
    }
}

extension [String] {
    /// `a`, `a or b`, `a, b or c`.
    fileprivate var asChoice: String {
        guard let last, count > 1 else { return joined() }
        return dropLast().joined(separator: ", ") + " or \(last)"
    }
}
