internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc
internal import Synchronization

/// The life of flows: opened by a client's first datagram, ended by silence, by their endpoint's end, or by need.
extension Worker {
    /// How often silent flows are looked for, in milliseconds.
    private static let sweepInterval: UInt64 = 250
    /// The same where some that are due had to be left for another turn.
    private static let sweepPause: UInt64 = 1
    /// How long nothing more is said of a service port's flows that had to make room, in milliseconds.
    private static let evictionSilence: UInt64 = 1000
    /// So many are ended even if the turn is a long one already.
    private static let fewFlows = 16

    /// The flow of `key`, opened if need be; nil if nobody can serve it.
    func flow(for key: FlowKey, on listener: Listener) -> Slab<Flow>.ID? {
        let port = listener.port
        if let entry = port.flows.find(key) { return port.flows.flow(entry) }
        makeRoom(for: key, listener)
        guard let opened = open(key, listener) else { return nil }
        let id = datagrams.flows.insert(opened)
        guard let flow = datagrams.flows.find(id) else { return nil }
        do throws(SystemError) {
            let token = Token(.flow, index: id.index, generation: id.generation).raw
            try loop.watch(flow.pointee.socket, token: token)
        } catch {
            datagrams.flows.remove(id)
            return nil
        }
        flow.pointee.entry = port.flows.insert(key, id, now: loop.now)
        flow.pointee.endpoint.open.wrappingAdd(1, ordering: .relaxed)
        port.counters.pointee.accepted.add()
        port.counters.pointee.open.add(1)
        listener.flowCount += 1
        if port.flows.count == 1 { portsWithFlows.insert(port) }
        if sweepSet == 0 { sweepLater() }
        return id
    }

    /// Makes a flow with a socket towards an endpoint. One that there is no way to, which the kernel knows at once, is
    /// passed over for another.
    private func open(_ key: FlowKey, _ listener: Listener) -> Flow? {
        let port = listener.port
        let client = IPAddress(key.client)
        var mayEvict = true
        var attempt = 0
        while attempt < DialAttempts.timeouts.count {
            guard let endpoint = port.route.pick(for: client, attempt: attempt, at: loop.now) else { return nil }
            do throws(SystemError) {
                let socket = try socket(to: endpoint, of: port, for: client, UDPSocket.connect(to:from:))
                pressure.followLimit(now: loop.now)
                guard socket.raw < pressure.ceiling else {
                    throw SystemError("create a socket for", "\(endpoint.address)", code: EMFILE)
                }
                // Its questions would come back as their answers.
                guard !isItsOwnPeer(socket, endpoint) else {
                    throw SystemError("connect to", "\(endpoint.dialAddress)", code: ECONNREFUSED)
                }
                let header = announcement(of: key, through: listener)
                return Flow(socket: socket, port: port, endpoint: endpoint, key: key, header: header)
            } catch {
                if error.isLocalExhaustion {
                    // Descriptors may have run out elsewhere: a silent flow is worth less than a new one.
                    guard mayEvict else { return nil }
                    mayEvict = false
                    guard evictOne(of: port.flows.count > 0 ? port : crowdedPort(), for: key, listener) else {
                        return nil
                    }
                    continue
                }
                attempt += 1
                endpointFailed(endpoint, of: port, for: client, attempt: attempt, error.code)
            }
        }
        return nil
    }

    /// Ends a flow of the service port that has its share, or of one that has many.
    private func makeRoom(for key: FlowKey, _ listener: Listener) {
        let port = listener.port
        let supply = Supply(capacity: mostFlows, used: datagrams.flows.count)
        if port.flows.count > 0, !supply.admits(port.flows.count) {
            _ = evictOne(of: port, for: key, listener)
        } else if datagrams.flows.count >= mostFlows {
            _ = evictOne(of: crowdedPort(), for: key, listener)
        }
    }

    private func evictOne(of port: PortState?, for key: FlowKey, _ listener: Listener) -> Bool {
        guard let port, let flow = port.flows.leastWorth(toAdmit: key.client, room: port.flows.count) else {
            return false
        }
        evict(flow, listener)
        return true
    }

    /// Ends a flow to make room, but not before what it has in the batch at hand, from `listener`, is sent.
    private func evict(_ id: Slab<Flow>.ID, _ listener: Listener) {
        guard let flow = datagrams.flows.find(id) else { return }
        let port = flow.pointee.port
        if !flow.pointee.chain.isEmpty { forward(id, flow, listener) }
        endFlow(id)
        counters.flowsEvicted.add()
        guard loop.now >= port.evictionsTold + Self.evictionSilence else { return }
        port.evictionsTold = loop.now
        report(.flowsEvicted(port.id))
    }

    /// The service port with most flows among those that the next few flows belong to. Who has most is among them most
    /// likely, and to ask all service ports would take too long where a flood makes it necessary for each datagram.
    private func crowdedPort() -> PortState? {
        var crowded: PortState?
        for _ in 0..<8 {
            guard let id = datagrams.flows.next(after: datagrams.lastSampled) else { break }
            datagrams.lastSampled = id.index
            let port = datagrams.flows[id.index].pointee.port
            if port.flows.count > crowded?.flows.count ?? 0 { crowded = port }
        }
        return crowded
    }

    func endFlow(_ id: Slab<Flow>.ID) {
        guard let flow = datagrams.flows.find(id) else { return }
        let port = flow.pointee.port
        port.flows.remove(flow.pointee.entry)
        if port.flows.count == 0 { portsWithFlows.remove(port) }
        if let listener = listeners[flow.pointee.key.listener] {
            listener.flowCount -= 1
            dropIfUnused(listener)
        }
        port.counters.pointee.open.add(-1)
        flow.pointee.endpoint.open.wrappingSubtract(1, ordering: .relaxed)
        datagrams.flows.remove(id)
    }

    /// The endpoint is not there, as the kernel learnt from ICMP: the client's next datagram goes to another.
    func endpointRefused(_ id: Slab<Flow>.ID, _ flow: UnsafeMutablePointer<Flow>, _ code: Int32) {
        let port = flow.pointee.port
        let attempts = flow.pointee.attempts
        let key = flow.pointee.key
        endpointFailed(flow.pointee.endpoint, of: port, for: IPAddress(key.client), attempt: Int(attempts), code)
        let length = flow.pointee.firstLength
        var first = Hold()
        swap(&first, &flow.pointee.first)
        guard let listener = listeners[key.listener] else { return endFlow(id) }
        // It is needed a moment longer, even if this was its last flow.
        listener.flowCount += 1
        defer {
            listener.flowCount -= 1
            dropIfUnused(listener)
        }
        endFlow(id)

        // Who has just said no is not asked again for the same client.
        let most = min(DialAttempts.timeouts.count, port.route.balancer.reach)
        guard length > 0, Int(attempts) < most,
            let other = self.flow(for: key, on: listener), let replacement = datagrams.flows.find(other)
        else { return }
        first.send(length, to: replacement.pointee.socket)
        port.flows.used(replacement.pointee.entry, sent: 1, now: loop.now)
        swap(&first, &replacement.pointee.first)
        replacement.pointee.firstLength = length
        replacement.pointee.attempts = attempts + 1
    }

    /// Others take the endpoint's place for a while. It is not probed: only an answer shows that a UDP endpoint is
    /// there.
    private func endpointFailed(
        _ endpoint: Endpoint, of port: PortState, for client: IPAddress, attempt: Int, _ code: Int32
    ) {
        endpoint.penalise(until: loop.now + DialAttempts.penalty)
        port.route.failed(endpoint, for: client)
        port.counters.pointee.dialFailures.add()
        report(.dialFailed(DialFailure(port: port.id, endpoint: endpoint, attempt: attempt, code: code, limit: 0)))
    }

    /// Flows whose endpoint is no longer one end at once, so that no client stays with a pod that is gone. One of the
    /// reserve is still one, for as long as it was there before.
    func endFlows(of port: PortState, notIn balancer: Balancer) {
        guard port.flows.count > 0 else { return }
        let staying = Set(balancer.endpoints.map(\.dialAddress))
        for id in port.flows.all {
            guard let flow = datagrams.flows.find(id), flow.pointee.endpoint.isRetired,
                !staying.contains(flow.pointee.endpoint.dialAddress)
            else { continue }
            endFlow(id)
        }
    }

    func endFlows(through listener: UInt32, of port: PortState) {
        for id in port.flows.all where datagrams.flows.find(id)?.pointee.key.listener == listener { endFlow(id) }
    }

    /// Ends the flows that were silent for too long at the time `now`, in milliseconds of the loop's time.
    func sweep(at now: UInt64) {
        // If this process was stopped or kept from running, flows may have datagrams that nobody has looked at:
        // answers, and at a door more than a turn takes. So only what was over before that ends, and the rest at the
        // next look.
        let isLate = now > sweepSet + 2 * Self.sweepInterval
        let now = isLate ? sweepSet : now
        var count = 0
        for port in portsWithFlows.visit() {
            while let id = port.flows.expired(at: now) {
                // Where thousands of clients came at one moment, thousands of flows expire at one moment.
                guard count < Self.fewFlows || loop.hasTime else { return sweepLater(Self.sweepPause) }
                count += 1
                endFlow(id)
            }
        }
        sweepSet = 0
        if datagrams.flows.count > 0 { sweepLater() }
    }

    private func sweepLater(_ pause: UInt64 = Worker.sweepInterval) {
        sweepSet = loop.now
        sweepTimer?.start(after: pause)
    }

    // MARK: Listeners

    /// A receiving socket broke: it is replaced, and its flows go on.
    func listenerFailed(_ listener: Listener, _ code: Int32) {
        // Errors of datagrams that were sent from here earlier are no errors of the listener, and want of memory
        // passes.
        guard !SystemError.blamesEndpoint(code), ![EMSGSIZE, EPERM, ENOMEM, ENOBUFS].contains(code) else { return }
        renew(listener)
    }

    /// Puts another socket in the place of one that is broken; if there is none to be had, that is tried again.
    func renew(_ listener: Listener) {
        do throws(SystemError) {
            let address = try TCPSocket.localAddress(of: listener.socket)
            let socket = try UDPSocket.bind(to: address, shared: true)
            let renewed = Listener(
                id: listener.id, socket: socket, port: listener.port, isWildcard: listener.isWildcard)
            try loop.watchListener(renewed.socket, token: renewed.token)
            loop.unwatch(listener.socket)
            renewed.flowCount = listener.flowCount
            listeners[listener.id] = renewed
        } catch {
            setAside(listener, error)
        }
    }
}

extension SystemError {
    /// An ICMP answer, or the want of a way: nobody is there, whoever else may be.
    static func blamesEndpoint(_ code: Int32) -> Bool {
        [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, ENETDOWN, EHOSTDOWN, ENOPROTOOPT].contains(code)
    }
}
