internal import Balancing
internal import Base
internal import Objects
internal import Status

/// At which addresses Services have which port numbers.
struct DoorsByNumber: Sendable {
    struct Number: Hashable {
        let transport: TransportProtocol
        let port: UInt16
    }

    private var addresses: [Number: [ObjectKey: IPAddress]] = [:]
    private var numbers: [ObjectKey: [Number]] = [:]

    /// A Service listens at these doors now.
    mutating func update(_ key: ObjectKey, _ ports: [PortStatus]) {
        for number in numbers.take(key) ?? [] {
            addresses[number]?.take(key)
            if addresses[number]?.isEmpty == true { addresses.take(number) }
        }
        for port in ports {
            for listening in port.doors.compactMap(\.listening) {
                let number = Number(transport: port.id.transport, port: listening.port)
                addresses[number, default: [:]][key] = listening.ip
                numbers[key, default: []].append(number)
            }
        }
    }

    /// One of the addresses where a number is in use, and how many others there are; nil if there is none.
    func first(at number: Number) -> (port: UInt16, address: IPAddress, others: Int)? {
        guard let found = addresses[number], let first = found.min(by: { $0.key < $1.key })?.value else { return nil }
        return (number.port, first, found.count - 1)
    }
}
