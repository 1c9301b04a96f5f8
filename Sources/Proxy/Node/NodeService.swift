internal import Base
internal import Objects
internal import Redirect
internal import Resolution
internal import Status

/// One Service of a node, as it is planned and as it stands.
struct NodeService: Sendable {
    var plan = ServicePlan()
    /// Of its ports, and of doors that only rules of before lead to.
    var status: [PortStatus] = []
    /// What is not redirected because the node needs it itself.
    var held: [Problem] = []
    /// What the kernel is told of it.
    var kernel: KernelService = []
    var healthCheck: ServiceHealthEntry?
    fileprivate(set) var share = Share()

    /// What it adds to the sums over all Services.
    struct Share: Sendable, Equatable {
        var ports = 0
        var ipv4Ports = 0
        var ipv6Ports = 0
        var externalPorts = 0
    }

    mutating func resolved(as ports: [ServicePort], _ key: ObjectKey) {
        share = Share(ports: ports.count)
        share.ipv4Ports = ports.count { $0.addresses.contains { $0.family == .ipv4 } }
        share.ipv6Ports = ports.count { $0.addresses.contains { $0.family == .ipv6 } }
        share.externalPorts = ports.count { !$0.externalIPs.isEmpty }
        healthCheck = ports.lazy.compactMap(\.healthCheck).first.map {
            ServiceHealthEntry(
                namespace: key.namespace, name: key.name, nodePort: $0.nodePort, localEndpoints: $0.localEndpoints)
        }
    }

    /// Whether another attempt may succeed even if nothing changes.
    var isTroubled: Bool { !(status.areOpen && held.isEmpty && plan.problems.isEmpty) }

    /// What the relay listens at, of all that was planned.
    var openPorts: [PlannedPort] {
        plan.ports.compactMap { port in
            var port = port
            let open = status.first { $0.id == port.id }?.doors ?? []
            port.doors.removeAll { door in !open.contains { $0.wanted == door.address && $0.listening != nil } }
            return port.doors.isEmpty ? nil : port
        }
    }

    /// The ports as they are planned: without doors that only rules of before lead to.
    var plannedStatus: [PortStatus] {
        // Nearly always that is all there is, which then is there once.
        let isAll = status.elementsEqual(plan.ports) { status, port in
            status.id == port.id && status.doors.elementsEqual(port.doors) { $0.wanted == $1.address }
        }
        if isAll { return status }
        return plan.ports.compactMap { port in
            guard var status = status.first(where: { $0.id == port.id }) else { return nil }
            status.doors.removeAll { door in !port.doors.contains { $0.address == door.wanted } }
            return status
        }
    }
}

/// What is known of all Services together, kept up to date with each.
struct NodeSums: Sendable, Equatable {
    /// That have a port to serve.
    private(set) var services = 0
    private(set) var ports = 0
    /// Service ports that have addresses of a family.
    private(set) var families: [IPAddress.Family: Int] = [:]
    /// Service ports that have external IPs.
    private(set) var externalPorts = 0
    /// At which load balancers ask about Services, and how many ask there.
    private(set) var healthPorts: [UInt16: Int] = [:]

    mutating func replace(_ old: NodeService?, with new: NodeService?) {
        if let new { add(new, 1) }
        if let old { add(old, -1) }
    }

    private mutating func add(_ service: NodeService, _ sign: Int) {
        if service.share.ports > 0 { services += sign }
        ports += sign * service.share.ports
        externalPorts += sign * service.share.externalPorts
        for (family, count) in [(IPAddress.Family.ipv4, service.share.ipv4Ports), (.ipv6, service.share.ipv6Ports)] {
            let sum = (families[family] ?? 0) + sign * count
            families[family] = sum > 0 ? sum : nil
        }
        guard let port = service.healthCheck?.nodePort else { return }
        let count = (healthPorts[port] ?? 0) + sign
        healthPorts[port] = count > 0 ? count : nil
    }
}
