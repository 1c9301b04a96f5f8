internal import Balancing
internal import Base
internal import EventLoop
internal import Host
public import Objects
public import Relay
public import Status

/// Makes the data plane what is planned for each Service. It is told the Services that may have changed, compares what is planned
/// for them with what is there, and touches only what differs; so it may be told the same again, and after any failure.
public actor Reconciler {
    private let relay: Relay
    private var served: [ServicePortID: Served] = [:]
    private var services: [ObjectKey: Planned] = [:]
    private var doorCount = 0
    /// The relay has been told something that its workers may not have taken on yet.
    private var isAhead = false
    private let turns = Turns()

    private struct Served {
        var balancer: Balancer
        var policy: ServicePolicy
        var doors: [PlannedDoor: OpenDoor] = [:]
    }

    private struct OpenDoor {
        let id: Relay.DoorID
        let address: EndpointAddress
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

    /// Has these Services served as it is planned, and says how they stand then; one without ports is not served any more. All
    /// others stay as they are.
    ///
    /// A door that cannot be opened is told in the status, disturbs no other, and is tried again when its Service is told of
    /// again. Calls are carried out one after another, in their order.
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
            for port in ports where await closeUnwantedDoors(of: port) { hasClosed = true }
            services.replace(key, with: ports.isEmpty ? nil : after)
            doorCount += after.doors - before.doors
        }
        // Doors that are no longer wanted go first, so that their addresses are free for others: once the workers have
        // closed them.
        if hasClosed { await settle() }
        await relay.expect(doors: doorCount)
        var statuses: [ObjectKey: [PortStatus]] = [:]
        // In their order, so that the same Services get the same when there is not enough for all.
        for (key, ports) in plans.sorted(by: { $0.key < $1.key }) {
            var status: [PortStatus] = []
            for port in ports { status.append(await carryOut(port)) }
            statuses[key] = status
        }
        // "In force" is what the caller may tell people when this returns.
        await settle()
        return statuses
    }

    private func settle() async {
        guard isAhead else { return }
        isAhead = false
        await relay.settle()
    }

    private func carryOut(_ port: PlannedPort) async -> PortStatus {
        if let known = served[port.id] {
            let balancer = known.balancer.updated(with: port.endpoints, standIns: port.standIns)
            if balancer !== known.balancer || port.policy != known.policy {
                served[port.id]?.balancer = balancer
                served[port.id]?.policy = port.policy
                isAhead = true
                await relay.serve(port.id, with: balancer, policy: port.policy)
            }
        } else {
            let balancer = Balancer(of: port.endpoints, standIns: port.standIns)
            served[port.id] = Served(balancer: balancer, policy: port.policy)
            isAhead = true
            await relay.serve(port.id, with: balancer, policy: port.policy)
        }

        var status = PortStatus(id: port.id, endpoints: port.endpoints)
        for door in port.doors {
            if served[port.id]?.doors[door] == nil {
                do throws(SystemError) {
                    served[port.id]?.doors[door] = try await open(door, for: port.id)
                    isAhead = true
                } catch {
                    status.doors.append(
                        DoorStatus(
                            wanted: door.address, listening: nil, problem: Self.explain(error, door, of: port.id),
                            isInUse: error.isAddressInUse, lacksDescriptors: error.isOutOfDescriptors))
                    continue
                }
            }
            let address = served[port.id]?.doors[door]?.address
            status.doors.append(DoorStatus(wanted: door.address, listening: address, problem: nil))
        }
        return status
    }

    /// - Returns: whether there were any.
    private func closeUnwantedDoors(of port: PlannedPort) async -> Bool {
        guard let open = served[port.id]?.doors else { return false }
        let unwanted = open.filter { !port.doors.contains($0.key) }
        for (door, opened) in unwanted {
            await relay.close(opened.id)
            isAhead = true
            served[port.id]?.doors[door] = nil
        }
        return !unwanted.isEmpty
    }

    private func open(_ door: PlannedDoor, for port: ServicePortID) async throws(SystemError) -> OpenDoor {
        var firstError: SystemError?
        for candidate in door.candidates {
            do throws(SystemError) {
                let opened = try await relay.open(port, on: EndpointAddress(ip: door.address.ip, port: candidate))
                return OpenDoor(id: opened.door, address: opened.address)
            } catch {
                if firstError == nil { firstError = error }
                // Another number helps only where the number is what is wrong.
                guard error.isAddressInUse || error.isPermissionDenied else { break }
            }
        }
        throw firstError ?? SystemError("listen on", door.address.description, code: 0)
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
