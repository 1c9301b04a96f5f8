import Balancing
import Base
import Objects
import Proxy
import Status

/// How it stands with one port of this machine that leads to pods.
struct ForwardLine: Sendable {
    let request: ForwardRequest
    let localPort: UInt16
    let publications: [DevelopmentPlanner.Publication]
    private let key: ObjectKey
    private(set) var remote: UInt16?
    /// Why nobody listens there; nil as long as somebody does, or nothing is known.
    private(set) var failure: String?
    /// Why there is no pod, in brackets; empty if that is not known.
    private(set) var reason = ""

    private var listening: [EndpointAddress] = []
    private var hasPods = false
    /// There has been a pod, and it was said where clients reach it.
    private(set) var hasBegun = false
    private var announced: Set<EndpointAddress> = []
    private var hadPods = false
    private var toldFailure: String?

    init(_ line: ForwardDestination.Line, of request: ForwardRequest, at addresses: [IPAddress?]) {
        self.request = request
        key = line.key
        localPort = line.localPort
        remote = line.remote
        publications = addresses.map { address in
            DevelopmentPlanner.Publication(
                namespace: line.key.namespace, service: line.key.name, port: line.port, transport: .tcp,
                address: address, localPort: line.localPort)
        }
    }

    /// How its Service stands now, if that has been looked at.
    mutating func take(_ served: DevelopmentProxy.Served) {
        guard let service = served.services[key] else { return }
        let ports = service?.ports ?? []
        let own = ports.compactMap { port in
            let doors = port.doors.filter { door in door.wanted.port == localPort && isOwn(door.wanted.ip) }
            return doors.isEmpty ? nil : (port, doors)
        }
        guard let (port, doors) = own.first else {
            // The Service is gone, or has no such port any more.
            (listening, hasPods, reason) = (
                [], false, service == nil ? " (there is no such Service)" : " (no such port)"
            )
            return
        }
        listening = doors.compactMap(\.listening)
        hasPods = !port.endpoints.isEmpty
        if let first = port.endpoints.first { remote = first.address.port }
        reason = port.absence.map { " (\($0))" } ?? ""
        // Of localhost one of two will do; addresses that were named are all meant.
        let refused = doors.filter { $0.listening == nil }
        let isShort = publications.contains { $0.address != nil } ? !refused.isEmpty : listening.isEmpty
        failure = isShort ? refused.compactMap(\.problem).first ?? "not open" : nil
    }

    private func isOwn(_ address: IPAddress) -> Bool {
        publications.contains { $0.address.map { $0 == address } ?? address.isLoopback }
    }

    /// The lines that scripts wait for, each once.
    mutating func takeAnnouncements() -> [String] {
        guard hasPods, let remote else { return [] }
        let new = listening.filter { !announced.contains($0) }
        announced.formUnion(new)
        if !hasBegun, !new.isEmpty { (hasBegun, hadPods) = (true, true) }
        return new.map { "Forwarding from \($0) -> \(remote)" }
    }

    /// What has become of the pods, and of the port, since they were there first.
    mutating func takeNews() -> String? {
        if hasBegun, failure != toldFailure {
            toldFailure = failure
            if let failure { return "port \(localPort) cannot be listened on any more: \(failure)" }
        }
        defer { hadPods = hasPods }
        guard hasBegun, hadPods != hasPods else { return nil }
        guard hasPods else {
            return
                "\(request) has no pod that is ready any more\(reason): connections to port \(localPort) are refused until "
                + "there is one"
        }
        return "\(request) has a pod again"
    }
}
