internal import Balancing
internal import Base
internal import EventLoop
internal import Host
public import Objects
public import Relay
public import Status

/// Makes the data plane what is planned for each Service. It is told the Services that may have changed, compares what
/// is planned for them with what is there, and touches only what differs; so it may be told the same again, and after
/// any failure.
public actor Reconciler {
    let relay: Relay
    var served: [ServicePortID: Served] = [:]
    private var services: [ObjectKey: Planned] = [:]
    private var doorCount = 0
    /// The relay has been told something that its workers may not have taken on yet.
    var isAhead = false
    private let turns = Turns()

    struct Served {
        var balancer: Balancer
        var policy: ServicePolicy
        var doors: [PlannedDoor: OpenDoor] = [:]
    }

    struct OpenDoor {
        let id: Relay.DoorID
        let address: EndpointAddress
        /// What somebody else has, and it is elsewhere for.
        var occupied: EndpointAddress?
    }

    /// What was planned for a Service when it was told of last.
    private struct Planned {
        var ports: [ServicePortID] = []
        var doors = 0

        init(_ ports: [PlannedPort] = []) {
            self.ports = ports.map(\.id)
            doors = ports.reduce(0) { $0 + $1.doors.count }
        }
    }

    public init(relay: Relay) {
        self.relay = relay
    }

    /// Has these Services served as it is planned, and says how they stand then; one without ports is not served any
    /// more. All others stay as they are.
    ///
    /// A door that cannot be opened is told in the status, disturbs no other, and is tried again when its Service is
    /// told of again. Calls are carried out one after another, in their order.
    public func apply(_ plans: [ObjectKey: [PlannedPort]]) async -> [ObjectKey: [PortStatus]] {
        await turns.take { await self.carryOut(plans) }
    }

    private func carryOut(_ plans: [ObjectKey: [PlannedPort]]) async -> [ObjectKey: [PortStatus]] {
        var hasClosed = false
        for (key, ports) in plans {
            let wanted = Set(ports.map(\.id))
            let (before, after) = (services[key] ?? Planned(), Planned(ports))
            for id in before.ports where !wanted.contains(id) {
                await relay.remove(id)
                served.take(id)
                (hasClosed, isAhead) = (true, true)
            }
            for port in ports where await closeUnwantedDoors(of: port, among: ports) { hasClosed = true }
            services.replace(key, with: ports.isEmpty ? nil : after)
            doorCount += after.doors - before.doors
        }
        // Doors that are no longer wanted go first, so that their addresses are free for others: once the workers have
        // closed them.
        if hasClosed { await settle() }
        await relay.expect(doors: doorCount)
        // In their order, so that the same Services get the same when there is not enough for all.
        let ordered = plans.sorted { $0.key < $1.key }
        for port in ordered.lazy.flatMap(\.value) { await route(port) }
        let failures = await openDoors(of: ordered.map(\.value))
        var statuses: [ObjectKey: [PortStatus]] = [:]
        for (key, ports) in ordered { statuses[key] = ports.map { status(of: $0, failures) } }
        // "In force" is what the caller may tell people when this returns.
        await settle()
        return statuses
    }

    private func settle() async {
        guard isAhead else { return }
        isAhead = false
        await relay.settle()
    }

    private func route(_ port: PlannedPort) async {
        let known = served[port.id]
        let balancer =
            known?.balancer.updated(with: port.endpoints, standIns: port.standIns, reserve: port.reserve)
            ?? Balancer(of: port.endpoints, standIns: port.standIns, reserve: port.reserve)
        guard balancer !== known?.balancer || port.policy != known?.policy else { return }
        served[port.id, default: Served(balancer: balancer, policy: port.policy)].balancer = balancer
        served[port.id]?.policy = port.policy
        isAhead = true
        await relay.serve(port.id, with: balancer, policy: port.policy)
    }

    private func status(of port: PlannedPort, _ failures: DoorFailures) -> PortStatus {
        var status = PortStatus(id: port.id, endpoints: port.endpoints, local: port.local)
        for door in port.doors {
            if let open = served[port.id]?.doors[door] {
                status.doors.append(
                    DoorStatus(wanted: door.address, listening: open.address, problem: nil, occupied: open.occupied))
            } else if let error = failures[port.id]?[door], !(door.fallback == .absence && error.isAddressAbsent) {
                status.doors.append(
                    DoorStatus(
                        wanted: door.address, listening: nil, problem: Self.explain(error, door, of: port.id),
                        isInUse: error.isAddressInUse, lacksDescriptors: error.isOutOfDescriptors))
            }
        }
        return status
    }

    /// Those that took another number give way to doors of the same Service that are to be there.
    ///
    /// - Returns: whether there were any.
    private func closeUnwantedDoors(of port: PlannedPort, among ports: [PlannedPort]) async -> Bool {
        guard let open = served[port.id]?.doors else { return false }
        let unwanted = open.filter { door, opened in
            if !port.doors.contains(door) { return true }
            return opened.address != door.address
                && ports.contains { other in
                    other.id.transport == port.id.transport && other.doors.contains { $0.address == opened.address }
                }
        }
        for (door, opened) in unwanted {
            await relay.close(opened.id)
            isAhead = true
            served[port.id]?.doors[door] = nil
        }
        return !unwanted.isEmpty
    }

    private static func explain(
        _ error: SystemError, _ door: PlannedDoor, of port: ServicePortID
    ) -> String {
        if error.isAddressInUse {
            // Of the ports to lead traffic to there are more, and who has one of them is nobody's concern.
            let owner = door.role == .proxy ? nil : PortOwner.find(door.address, port.transport)
            return "cannot listen on \(door.address): the address is in use\(owner.map { ", held by \($0)" } ?? "")"
        }
        if error.isOutOfDescriptors {
            return "cannot listen on \(door.address): the limit of open files has no room for another listening socket"
        }
        if error.isPermissionDenied {
            return
                "cannot listen on \(door.address): ports below 1024 need privileges; choose another, or allow them with "
                + "sysctl net.ipv4.ip_unprivileged_port_start"
        }
        return "cannot \(error)"
    }
}
