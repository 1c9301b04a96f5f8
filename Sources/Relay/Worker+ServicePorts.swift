internal import Balancing
internal import Base
internal import EventLoop

/// What the control plane asks of a worker. Everything runs on the worker's thread.
extension Worker {
    func serve(_ id: ServicePortID, by route: ServiceRoute, counting meter: PortMeter) {
        if let port = ports[id] {
            if id.transport == .udp { endFlows(of: port, notIn: route.balancer) }
            port.route = route
            routeHasChanged(of: port)
            affinityMayHaveChanged(of: port)
        } else {
            let port = PortState(
                id: id, route: route, meter: meter, worker: index, timeouts: configuration.flowTimeouts)
            ports[id] = port
            affinityMayHaveChanged(of: port)
        }
    }

    /// Forgets a service port. Its connections keep the state that they add to until the last of them has ended.
    func remove(_ id: ServicePortID) {
        guard let port = ports.take(id) else { return }
        port.isRemoved = true
        portsWithAffinity.remove(port)
        endHeld(of: port)
        turnGuestsAway(of: port)
        // Doors that were let go are no longer the relay's to close.
        if hasLetGo { for listener in port.listeners { closeListener(listener) } }
    }

    func listen(_ number: UInt32, _ socket: consuming Descriptor, for id: ServicePortID) {
        guard let port = ports[id] else { return }
        let isWildcard = (try? TCPSocket.localAddress(of: socket).isUnspecified) ?? false
        // One that was handed over may come from a version that did not set this.
        if id.transport == .tcp { socket.keepUrgentInline() }
        let listener = Listener(id: number, socket: socket, port: port, isWildcard: isWildcard)
        do throws(SystemError) {
            try loop.watchListener(listener.socket, token: listener.token)
            listeners[number] = listener
            port.listeners.insert(number)
        } catch {
            report(.listenerFailed(id, error))
        }
    }
}
