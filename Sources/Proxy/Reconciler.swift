internal import Balancing
internal import Base
internal import EventLoop
internal import Host
public import Relay
internal import Status

/// Makes the data plane what a ``Plan`` says. It is always given the whole plan, compares it with what is there, and
/// touches only what differs; so it may be called at any time, with the same plan again, and after any failure.
public actor Reconciler {
    private let relay: Relay
    private var served: [ServicePortID: Served] = [:]
    /// The plan that is being carried out.
    private var underWay: Task<ProxyStatus, Never>?

    private struct Served {
        var balancer: Balancer
        var policy: ServicePolicy
        var doors: [PlannedDoor: OpenDoor] = [:]
    }

    private struct OpenDoor {
        let id: Relay.DoorID
        let address: EndpointAddress
    }

    public init(relay: Relay) {
        self.relay = relay
    }

    /// Carries out `plan` and says how things stand now. A door that cannot be opened is reported in the status, disturbs no
    /// other, and is tried again at the next call. Plans are carried out one after another, in the order of the calls.
    public func apply(_ plan: Plan) async -> ProxyStatus {
        let previous = underWay
        let task = Task {
            _ = await previous?.value
            return await carryOut(plan)
        }
        underWay = task
        return await task.value
    }

    private func carryOut(_ plan: Plan) async -> ProxyStatus {
        var status = ProxyStatus()
        let wanted = Dictionary(plan.ports.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })

        var hasClosed = false
        for id in served.keys where wanted[id] == nil {
            await relay.remove(id)
            served[id] = nil
            hasClosed = true
        }
        for port in plan.ports where await closeUnwantedDoors(of: port) { hasClosed = true }
        // Doors that are no longer wanted go first, so that their addresses are free for others: once the workers have
        // closed them.
        if hasClosed { await relay.settle() }
        await relay.expect(doors: plan.ports.reduce(0) { $0 + $1.doors.count })
        for port in plan.ports {
            status.ports.append(await carryOut(port))
        }
        status.descriptorLimit = relay.budget.limit
        // "In force" is what the caller may tell people when this returns.
        await relay.settle()
        return status
    }

    private func carryOut(_ port: PlannedPort) async -> PortStatus {
        let endpoints = port.endpoints.map {
            Endpoint($0.address, podName: $0.podName, standIn: $0.standIn, isLocal: $0.isLocal)
        }
        if let known = served[port.id] {
            let balancer = known.balancer.updated(with: endpoints)
            if balancer !== known.balancer || port.policy != known.policy {
                served[port.id]?.balancer = balancer
                served[port.id]?.policy = port.policy
                await relay.serve(port.id, with: balancer, policy: port.policy)
            }
        } else {
            let balancer = Balancer(endpoints)
            served[port.id] = Served(balancer: balancer, policy: port.policy)
            await relay.serve(port.id, with: balancer, policy: port.policy)
        }

        var status = PortStatus(
            id: port.id, endpoints: port.endpoints.map { EndpointStatus(address: $0.address, podName: $0.podName) })
        for door in port.doors {
            if served[port.id]?.doors[door] == nil {
                do throws(SystemError) {
                    served[port.id]?.doors[door] = try await open(door, for: port.id)
                } catch {
                    status.doors.append(
                        DoorStatus(
                            wanted: door.address, listening: nil, problem: Self.explain(error, door),
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

    private static func explain(_ error: SystemError, _ door: PlannedDoor) -> String {
        if error.isAddressInUse {
            let owner = PortOwner.find(door.address).map { ", held by \($0)" } ?? ""
            return "cannot listen on \(door.address): the address is in use\(owner)"
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
