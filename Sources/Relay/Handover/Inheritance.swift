public import Balancing
public import Base
public import EventLoop

/// The listening sockets of a process that is still serving, for the one that is to take its place.
///
/// Both processes have them, so nothing that clients do fails meanwhile: either may accept. Give it to
/// ``Relay/inherit(_:)``, open the doors, and call ``confirm()``; the other process then lets go of them. What is not
/// given to a relay is closed with the last reference, and the other process goes on as if nothing had happened.
public final class Inheritance: Sendable {
    /// An address at which clients reach a service port.
    public struct Door: Hashable, Sendable {
        public let port: ServicePortID
        public let address: EndpointAddress

        public init(port: ServicePortID, address: EndpointAddress) {
            self.port = port
            self.address = address
        }
    }

    /// What a socket is recognised by. Service ports may be called something else by now; their clients come all the
    /// same.
    private struct Place: Hashable {
        let transport: TransportProtocol
        let address: EndpointAddress
    }

    /// The doors that the other process has, each once, in no order: a planner may want to use the same port numbers.
    public let doors: [Door]

    private let sockets: Guarded<[Place: [Int32]]>
    private let channel: HandoverChannel

    /// - Parameter sockets: each with its door; they are this object's from here on.
    init(_ sockets: [(door: Door, socket: Int32)], from channel: HandoverChannel) {
        var places: [Place: [Int32]] = [:]
        for (door, socket) in sockets {
            places[Place(transport: door.port.transport, address: door.address), default: []].append(socket)
        }
        doors = Array(Set(sockets.map(\.door)))
        self.sockets = Guarded(places)
        self.channel = channel
    }

    deinit { release() }

    /// The sockets that listen at `address`, which are the caller's from here on; nil if there are none (any more).
    func take(_ transport: TransportProtocol, _ address: EndpointAddress) -> [Int32]? {
        sockets.withLock { $0.removeValue(forKey: Place(transport: transport, address: address)) }
    }

    /// Closes what nobody has asked for; the number of sockets.
    @discardableResult
    func release() -> Int {
        let rest = sockets.withLock { places in
            defer { places = [:] }
            return places.values.flatMap(\.self)
        }
        for socket in rest { _ = Descriptor(owning: socket) }
        return rest.count
    }

    /// Tells the other process that this one serves now. When this returns, it has given up the path at which it handed
    /// over, and accepts nobody any more, or will not in a moment.
    ///
    /// - Returns: what only one process of this machine may have (``HandoverServer/init(path:relay:lock:)``); nil if
    ///   the other one had nothing of the kind.
    /// - Throws: ``HandoverError``: it has ended meanwhile, or another process was faster. In the first case there is
    ///   nobody left but this process; in the second it should end.
    @discardableResult
    public func confirm() async throws(HandoverError) -> Descriptor? {
        let channel = channel
        let lock = try await HandoverChannel.blocking { () throws(HandoverError) in
            try channel.send(.confirm)
            return try channel.receiveConfirmation()
        }
        return lock.map { Descriptor(owning: $0) }
    }
}
