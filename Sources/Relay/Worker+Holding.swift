internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc

/// A client that waits for its service port to get an endpoint.
struct Waiting {
    let id: Slab<Connection>.ID
    /// Milliseconds of the loop's time.
    let since: UInt64
}

/// Holding clients of a service port without endpoints, for Services that ask for it: whatever starts pods on demand
/// finds its client still there (docs/behaviour.md, B5.10).
///
/// The clients of one service port wait equally long, so they are due in the order in which they came, and are served
/// in that order too: within a worker exactly, over all workers as exactly as the workers learn of the endpoint.
extension Worker {
    /// There is no endpoint: the client waits for one, if that is wanted and there is room, or else is reset.
    func endpointIsMissing(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        guard !hold(id, connection) else { return roomHasAppeared(for: connection.pointee.port) }
        end(id, connection.pointee.attempts == 0 ? .noEndpoint : .unreachable)
    }

    private func hold(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) -> Bool {
        let port = connection.pointee.port
        guard port.route.policy.holdSeconds > 0, !port.isRemoved, supplies.holds.admits(port.has.holds) else {
            return false
        }
        let admission = port.route.waiting.enter()
        guard admission != .full else { return false }
        if !connection.pointee.isWatchingClient {
            do throws(SystemError) {
                try loop.watch(connection.pointee.client, token: Token(.client, id).raw)
                connection.pointee.isWatchingClient = true
            } catch {
                port.route.waiting.leave()
                return false
            }
        }
        connection.pointee.isHeld = true
        // It takes no part in dialling, of which there may be only so much at one time.
        supplies.dials.giveBack(&port.has.dials)
        supplies.holds.take(&port.has.holds)
        port.waiting.append(Waiting(id: id, since: loop.now))
        portsWithWaiting.insert(port)
        port.counters.pointee.held.add(1)
        port.counters.pointee.heldInAll.add()
        if admission == .first { report(.waitingForEndpoint(port.id)) }
        armHolds(for: loop.now + port.holdLimit)
        return true
    }

    /// The client no longer waits, whatever comes next.
    func stopHolding(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        let port = connection.pointee.port
        connection.pointee.isHeld = false
        supplies.dials.take(&port.has.dials)
        supplies.holds.giveBack(&port.has.holds)
        port.counters.pointee.held.add(-1)
        port.route.waiting.leave()
        if let place = port.waiting.firstIndex(where: { $0.id == id }) { port.waiting.remove(at: place) }
    }

    /// A service port was given another route: maybe with an endpoint, maybe with another limit.
    func routeHasChanged(of port: PortState) {
        guard !port.waiting.isEmpty else { return }
        if port.route.balancer.isEmpty { endOverdue(of: port) } else { resumeHeld(of: port) }
    }

    /// Dials for clients that wait, if there is an endpoint: as many as the service port's share of dials allows, and
    /// the others when those have come to an end.
    func resumeHeld(of port: PortState) {
        // A dial that ends at once comes back to here.
        guard !port.isResuming, !port.route.balancer.isEmpty else { return }
        port.isResuming = true
        defer { port.isResuming = false }
        // Who has to wait again waits at the end.
        var count = port.waiting.count
        while count > 0, supplies.dials.admits(port.has.dials), let first = port.waiting.first {
            count -= 1
            guard let connection = connections.find(first.id) else {
                port.waiting.removeFirst()
                continue
            }
            stopHolding(first.id, connection)
            dial(first.id, connection)
        }
    }

    /// A service port is gone, and nobody need wait for it.
    func endHeld(of port: PortState) {
        let waiting = port.waiting
        port.waiting = []
        for client in waiting { end(client.id, .noEndpoint) }
    }

    /// Whether a client that is not being relayed yet has given up, as far as its socket tells.
    ///
    /// An end of what it sends is no sign of that in itself: it may have sent a request. One that waits, has sent
    /// nothing and will send nothing, however, has most likely closed its socket.
    func hasGivenUp(_ connection: UnsafeMutablePointer<Connection>, _ readiness: Readiness) -> Bool {
        if !readiness.isDisjoint(with: [.failed, .hangup]) { return true }
        // Whose words are held again has said something.
        guard connection.pointee.isHeld, connection.pointee.up.isUntouched, readiness.contains(.peerDone) else {
            return false
        }
        return connection.pointee.client.isAtEnd()
    }

    // MARK: Limits

    /// Ends the waits that have lasted long enough.
    func holdsAreDue() {
        holdsArmed = 0
        for port in portsWithWaiting.visit() { endOverdue(of: port) }
    }

    /// Ends those of one service port, and sees to it that the next one is not forgotten.
    private func endOverdue(of port: PortState) {
        while let first = port.waiting.first {
            let due = first.since + port.holdLimit
            guard due <= loop.now else { return armHolds(for: due) }
            port.waiting.removeFirst()
            port.counters.pointee.holdTimeouts.add()
            end(first.id, .noEndpoint)
        }
        portsWithWaiting.remove(port)
    }

    private func armHolds(for due: UInt64) {
        guard holdsArmed == 0 || due < holdsArmed else { return }
        holdsArmed = due
        holdTimer?.start(after: due > loop.now ? due - loop.now : 0)
    }
}

extension PortState {
    /// Milliseconds that a client may wait for an endpoint.
    fileprivate var holdLimit: UInt64 { UInt64(max(0, route.policy.holdSeconds)) * 1000 }
}
