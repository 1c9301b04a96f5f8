public import Balancing
public import Base
public import EventLoop
internal import Synchronization

/// A TCP connection that is open now, for people who look.
public struct OpenConnection: Sendable {
    public enum Stage: String, Sendable {
        /// An endpoint is being reached.
        case dialling
        /// It waits for an endpoint.
        case held
        case open
        /// One direction has ended.
        case halfOpen = "half-open"
    }

    public let port: ServicePortID
    public let client: SocketAddress
    /// That it is connected to, or being connected to; nil while it waits.
    public let endpoint: Endpoint?
    /// Attempts to reach one, 0…4.
    public let attempts: Int
    public let bytesUp: UInt64
    public let bytesDown: UInt64
    /// Since it came, and since anything last happened on it, in milliseconds.
    public let age: UInt64
    public let idle: UInt64
    public let stage: Stage
}

/// How an endpoint has been doing, for people who look.
public struct EndpointLook: Sendable, Equatable {
    public var open: Int
    public var isEjected: Bool
}

extension Relay {
    /// Connections that are open now, of those service ports that are wanted. Each worker looks at its own, between two
    /// events, and for a bounded time.
    ///
    /// - Parameter most: of each worker.
    public nonisolated func connections(
        atMost most: Int, of isWanted: @escaping @Sendable (ServicePortID) -> Bool = { _ in true }
    ) async -> [OpenConnection] {
        await withTaskGroup(of: [OpenConnection].self) { group in
            for worker in workers {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        let isTaken = worker.loop.execute {
                            continuation.resume(returning: worker.look(atMost: most, of: isWanted))
                        }
                        if !isTaken { continuation.resume(returning: []) }
                    }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// How the endpoints of a service port have been doing, by their addresses; those that nobody has been led to yet are
    /// left out.
    public nonisolated func endpoints(of port: ServicePortID) -> [EndpointAddress: EndpointLook] {
        guard let route = served.withLock({ $0[port]?.route }) else { return [:] }
        let looks = route.balancer.knownEndpoints.map { endpoint in
            (
                endpoint.address,
                EndpointLook(open: endpoint.open.load(ordering: .relaxed), isEjected: endpoint.isEjected)
            )
        }
        return Dictionary(looks) { first, _ in first }
    }
}

extension Worker {
    /// However many there are: nobody's round trip is to notice.
    private static let mostLookedAt = 10_000

    func look(atMost most: Int, of isWanted: (ServicePortID) -> Bool) -> [OpenConnection] {
        var found: [OpenConnection] = []
        var index = UInt32.max
        for _ in 0..<min(connections.count, Self.mostLookedAt) {
            guard found.count < most, let id = connections.next(after: index) else { break }
            index = id.index
            let connection = connections[index]
            guard isWanted(connection.pointee.port.id) else { continue }
            found.append(
                OpenConnection(
                    port: connection.pointee.port.id, client: connection.pointee.peer,
                    endpoint: connection.pointee.endpoint, attempts: Int(connection.pointee.attempts),
                    bytesUp: connection.pointee.up.moved, bytesDown: connection.pointee.down.moved,
                    age: loop.now - connection.pointee.openedAt, idle: loop.now - connection.pointee.lastActive,
                    stage: connection.pointee.stage))
        }
        return found
    }
}

extension Connection {
    fileprivate var stage: OpenConnection.Stage {
        guard isEstablished else { return isHeld ? .held : .dialling }
        return isHalfOpen ? .halfOpen : .open
    }
}
