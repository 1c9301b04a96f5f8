public import Balancing
internal import Base
public import EventLoop

extension Relay {
    /// Serves a client that somebody else has accepted as though it had come to a door of the service port: from here
    /// on it counts, waits, is dialled for and drained like all others. If there is no such service port (any more), or
    /// the relay drains, it is reset. Any thread; returns at once.
    ///
    /// - Parameters:
    ///   - client: a connection of a listener made by ``TCPSocket``, which gave it its options.
    ///   - peer: where the client is.
    ///   - opening: what has been read from it, and what it is to be told.
    public nonisolated func adopt(
        _ client: consuming Descriptor, from peer: SocketAddress, for port: ServicePortID,
        after opening: Opening = Opening()
    ) {
        let raw = client.release()
        let best = workers.min { $0.load.current < $1.load.current }
        guard let best, best.load.enter() else { return Descriptor(owning: raw).resetOnClose() }
        let guest = Guest(client: raw, peer: peer, opening: opening)
        if best.loop.execute({ best.receive(guest, for: port) }) { return }
        best.load.remove()
        Descriptor(owning: raw).resetOnClose()
    }
}

/// A client that somebody else has accepted. Whoever has it closes its socket.
struct Guest {
    let client: Int32
    let peer: SocketAddress
    let opening: Opening
}

/// Clients that were accepted by others. Those for whom there is no room cannot wait in the kernel's queue, like those of
/// a door, and so they wait here.
extension Worker {
    /// Guests that may wait for room at one time. They come by some proxy, which has had its own limit.
    private static let mostGuests = 256

    /// A client has come, which ``load`` counts already.
    fileprivate func receive(_ guest: Guest, for id: ServicePortID) {
        pressure.accepted(guest.client)
        guard let port = ports[id] else { return turnAway(guest) }
        supplies.connections.capacity = connectionCapacity
        if port.guests.isEmpty, shortage(of: port) == nil, pressure.hasDescriptors() {
            return adopt(Descriptor(owning: guest.client), guest.peer, port, after: guest.opening)
        }
        guard guestCount < Self.mostGuests else {
            counters.shed.add()
            turnedAway(guest.peer, of: port, .exhausted)
            return turnAway(guest)
        }
        port.guests.append(guest)
        guestCount += 1
        portsWithGuests.insert(port)
        armPressure(for: loop.now + AcceptPressure.pause)
    }

    /// Serves those that wait, as far as there is room by now.
    func admitGuests(of port: PortState) {
        supplies.connections.capacity = connectionCapacity
        while let guest = port.guests.first, shortage(of: port) == nil, pressure.hasDescriptors() {
            // First: a connection that ends at once comes back to here.
            port.guests.removeFirst()
            guestCount -= 1
            adopt(Descriptor(owning: guest.client), guest.peer, port, after: guest.opening)
        }
        if port.guests.isEmpty { portsWithGuests.remove(port) }
    }

    /// What they wait for may have come from another service port, or from another part of the process.
    func lookAtGuests() {
        guard guestCount > 0 else { return }
        for port in portsWithGuests.visit() { admitGuests(of: port) }
        if guestCount > 0 { armPressure(for: loop.now + AcceptPressure.pause) }
    }

    /// Resets those that wait.
    func turnGuestsAway(of port: PortState) {
        let guests = port.guests
        port.guests = []
        guestCount -= guests.count
        portsWithGuests.remove(port)
        for guest in guests { turnAway(guest) }
    }

    private func turnAway(_ guest: Guest) {
        Descriptor(owning: guest.client).resetOnClose()
        loadFalls()
    }
}
