internal import Balancing
internal import Base
internal import Glibc
internal import Relay

/// Why doors are not open.
typealias DoorFailures = [ServicePortID: [PlannedDoor: SystemError]]

/// Opening doors, in three rounds, so that nobody takes a number that another asks for: first those that ask for one,
/// then those that have to take another, and last those that leave it to the kernel.
extension Reconciler {
    /// Of how many numbers one is free for all doors that are to have the same.
    private static let mostNumbers = 16

    /// Opens what is not open yet.
    ///
    /// - Parameter services: the ports of each Service.
    func openDoors(of services: [[PlannedPort]]) async -> DoorFailures {
        var failures = DoorFailures()
        for port in services.lazy.joined() {
            for door in missing(port) where door.address.port != 0 {
                guard let error = await open(door, of: port.id, at: door.address.port) else { continue }
                failures[port.id, default: [:]][door] = error
            }
        }
        for ports in services where ports.contains(where: { failures[$0.id] != nil }) {
            let places = ports.places
            for port in ports {
                for door in missing(port) where door.fallback == .anotherPort {
                    guard let error = failures[port.id]?[door], error.isOfTheNumber else { continue }
                    if await move(door, of: port.id, error, avoiding: places) { failures[port.id]?[door] = nil }
                }
            }
        }
        for port in services.lazy.joined() {
            let doors = missing(port).filter { $0.address.port == 0 }
            if !doors.isEmpty { failures[port.id, default: [:]].merge(await openTogether(doors, of: port.id)) { $1 } }
        }
        return failures
    }

    private func missing(_ port: PlannedPort) -> [PlannedDoor] {
        port.doors.filter { served[port.id]?.doors[$0] == nil }
    }

    /// - Parameter occupied: what somebody else has, if that is why it is to be there.
    /// - Returns: why it is not open.
    private func open(
        _ door: PlannedDoor, of port: ServicePortID, at number: UInt16, occupied: EndpointAddress? = nil
    ) async -> SystemError? {
        do throws(SystemError) {
            let opened = try await relay.open(port, on: EndpointAddress(ip: door.address.ip, port: number))
            served[port]?.doors[door] = OpenDoor(id: opened.door, address: opened.address, occupied: occupied)
            isAhead = true
            return nil
        } catch {
            return error
        }
    }

    /// Opens a door at another number than it asks for.
    private func move(
        _ door: PlannedDoor, of port: ServicePortID, _ error: SystemError, avoiding places: Set<DoorPlace>
    ) async -> Bool {
        var occupied = error.isAddressInUse ? door.address : nil
        for number in door.candidates.dropFirst() {
            let address = EndpointAddress(ip: door.address.ip, port: number)
            if places.contains(DoorPlace(port.transport, address)) { continue }
            guard let error = await open(door, of: port, at: number, occupied: occupied) else { return true }
            guard error.isOfTheNumber else { return false }
            if error.isAddressInUse, occupied == nil { occupied = address }
        }
        return false
    }

    /// Opens doors at one number of the kernel's choice, that of those which are open already if there are any.
    private func openTogether(
        _ doors: [PlannedDoor], of port: ServicePortID
    ) async -> [PlannedDoor: SystemError] {
        let known = served[port]?.doors.first { $0.key.address.port == 0 }?.value.address.port
        var failures: [PlannedDoor: SystemError] = [:]
        for attempt in 1...Self.mostNumbers {
            failures = [:]
            for door in doors {
                let number = known ?? doors.lazy.compactMap { self.served[port]?.doors[$0]?.address.port }.first ?? 0
                failures[door] = await open(door, of: port, at: number)
            }
            // Another number may be free for all of them.
            guard known == nil, attempt < Self.mostNumbers, failures.values.contains(where: \.isAddressInUse) else {
                break
            }
            for door in doors {
                if let opened = served[port]?.doors.removeValue(forKey: door) { await relay.close(opened.id) }
            }
        }
        return failures
    }
}

extension SystemError {
    /// Another number may be had.
    fileprivate var isOfTheNumber: Bool { isAddressInUse || isPermissionDenied }

    /// The machine has no such address, or not even the family.
    var isAddressAbsent: Bool { code == EADDRNOTAVAIL || code == EAFNOSUPPORT }
}
