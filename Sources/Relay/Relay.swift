public import Balancing
public import Base
internal import EventLoop
internal import Glibc

/// The data plane, as the control plane sees it: service ports with listeners and balancers, spread over one worker per
/// core.
///
/// Everything is said in terms of service ports that exist and doors that are open; a service port that is not
/// mentioned is not touched. Established connections survive every call but ``stop()``.
///
/// Listening sockets are made here, on the caller's thread, so that an address that cannot be had is an error of that
/// very call; then they are handed to the workers.
public actor Relay {
    nonisolated let workers: [Worker]
    private var threads: [LoopThread] = []
    private let configuration: RelayConfiguration
    /// Changed by this actor alone, and read by anybody.
    let served = Guarded<[ServicePortID: Served]>([:])
    let removed = RemovedPorts()
    var doors = Doors()
    private var lastDoor: UInt32 = 0
    private var lastListener: UInt32 = 0
    private var room: ListenerRoom {
        didSet { listening.current = room.sockets }
    }
    private let listening = ListeningCount()
    /// What the process before this one left, until it is asked for or given up.
    var inheritance: Inheritance?

    /// A service port that is served.
    struct Served: Sendable {
        var route: ServiceRoute
        let meter: PortMeter
    }

    /// Names an open door.
    public struct DoorID: Hashable, Sendable {
        fileprivate let number: UInt32
    }

    /// An address at which clients reach a service port, and the listeners there: one for each worker, or for one
    /// alone.
    struct Door {
        let port: ServicePortID
        let address: EndpointAddress
        let listeners: [ListenerID]
    }

    /// One listening socket: a worker, by index, and the number by which that worker knows it. One worker may have
    /// several of one door, if they were inherited from a process with more workers.
    struct ListenerID: Hashable, Sendable {
        let worker: Int
        let number: UInt32
    }

    /// Starts the workers.
    ///
    /// - Parameter report: called on the workers' threads, for things that people may want to read; must not block.
    /// - Throws: ``SystemError`` if a loop or a thread cannot be made.
    public init(
        _ configuration: RelayConfiguration, report: @escaping @Sendable (RelayEvent) -> Void = { _ in }
    ) throws(SystemError) {
        self.configuration = configuration
        room = ListenerRoom(limit: configuration.budget.listeners, workers: configuration.workers)
        IgnoredSignals.ignoreBrokenPipes()
        var workers: [Worker] = []
        var threads: [LoopThread] = []
        do throws(SystemError) {
            for index in 0..<configuration.workers {
                workers.append(
                    try Worker(index: index, configuration: configuration, listening: listening, report: report))
            }
            for (index, worker) in workers.enumerated() {
                worker.colleagues = workers.filter { $0 !== worker }
                threads.append(try LoopThread(name: "worker-\(index)") { worker.run() })
            }
        } catch {
            for worker in workers { worker.loop.stop() }
            // Those whose thread did not start would hold each other for ever.
            for worker in workers.dropFirst(threads.count) { worker.colleagues = [] }
            throw error
        }
        self.workers = workers
        self.threads = threads
    }

    deinit {
        // Without stop() nobody waits for the threads; they end by themselves.
        for worker in workers { worker.loop.stop() }
    }

    // MARK: Service ports

    /// Makes a service port known, or gives it another balancer or policy. Connections that stand stay where they are,
    /// and clients with session affinity keep their endpoints as far as those are still there.
    public func serve(_ port: ServicePortID, with balancer: Balancer, policy: ServicePolicy = ServicePolicy()) {
        let known = served.withLock { $0[port] }
        let route = known?.route.changed(to: balancer, policy) ?? ServiceRoute(balancer, policy)
        let meter = known?.meter ?? PortMeter(workers: workers.count, removed: removed)
        served.withLock { $0[port] = Served(route: route, meter: meter) }
        for worker in workers {
            worker.loop.execute { worker.serve(port, by: route, counting: meter) }
        }
    }

    /// Closes the doors of a service port and forgets it. Its open connections run to their end.
    public func remove(_ port: ServicePortID) {
        let gone = served.withLock { served in
            let gone = served.take(port)
            gone?.meter.leave()
            return gone
        }
        guard let gone else { return }
        gone.route.retire()
        for door in doors.of(port) { close(door) }
        for worker in workers {
            worker.loop.execute { worker.remove(port) }
        }
    }

    // MARK: Doors

    /// How the process's descriptors are shared out.
    public nonisolated var budget: DescriptorBudget { configuration.budget }

    /// Says how many doors are wanted in all, those that are open included: the first ones leave room for the last
    /// ones.
    public func expect(doors: Int) {
        room.expected = doors
    }

    /// Listens on `address` for a service port that is being served: with the sockets that were inherited for that
    /// transport and address, whichever service port they were for, else with new ones.
    ///
    /// - Returns: the door, and the address with the port that the kernel chose if `address` has port 0.
    /// - Throws: ``SystemError``: `EADDRINUSE` also if another program of this user shares its ports, and `EMFILE` when
    ///   listening sockets have their part of the descriptors: well before there are none left.
    public func open(
        _ port: ServicePortID, on address: EndpointAddress
    ) throws(SystemError) -> (door: DoorID, address: EndpointAddress) {
        if let sockets = inheritance?.take(port.transport, address) {
            return (addDoor(port, address, spread(sockets, of: port)), address)
        }
        let count = room.next
        guard count > 0 else { throw SystemError("listen on", "\(address)", code: EMFILE) }
        let chosenWorkers = count > 1 ? Array(workers.indices) : [worker(for: port)]
        let (sockets, chosen) = try SharedSockets.open(
            port.transport, on: SocketAddress(address), count: count, below: configuration.descriptorCeiling)
        let opened = EndpointAddress(ip: address.ip, port: chosen.port)
        return (addDoor(port, opened, Array(zip(chosenWorkers, sockets))), opened)
    }

    /// Gives sockets, each with the index of its worker, to the workers.
    private func addDoor(
        _ port: ServicePortID, _ address: EndpointAddress, _ sockets: [(worker: Int, socket: Int32)]
    ) -> DoorID {
        var listeners: [ListenerID] = []
        for (index, socket) in sockets {
            lastListener += 1
            let number = lastListener
            listeners.append(ListenerID(worker: index, number: number))
            let worker = workers[index]
            let accepted = worker.loop.execute { worker.listen(number, Descriptor(owning: socket), for: port) }
            if !accepted { _ = Descriptor(owning: socket) }
        }
        lastDoor += 1
        let door = DoorID(number: lastDoor)
        doors.add(door, Door(port: port, address: address, listeners: listeners))
        room.open(listeners.count)
        return door
    }

    /// Inherited sockets, dealt out to the workers in turn. All of them: what waits on one that is closed is reset.
    private func spread(_ sockets: [Int32], of port: ServicePortID) -> [(worker: Int, socket: Int32)] {
        // Doors with a single socket must not all end up with the first worker.
        let first = sockets.count < workers.count ? worker(for: port) : 0
        return sockets.enumerated().map { ((first + $0.offset) % workers.count, $0.element) }
    }

    /// Stops listening at a door. Clients that the kernel has already accepted are served.
    public func close(_ door: DoorID) {
        guard let listeners = doors.remove(door)?.listeners else { return }
        room.close(listeners.count)
        for listener in listeners {
            let worker = workers[listener.worker]
            worker.loop.execute { worker.closeListener(listener.number) }
        }
    }

    private func worker(for port: ServicePortID) -> Int {
        Int(UInt(bitPattern: port.hashValue) % UInt(workers.count))
    }

    /// No door is open any more, as far as this relay is concerned.
    func forgetDoors() {
        for door in doors.all { room.close(door.listeners.count) }
        doors.removeAll()
    }

    /// Returns when every worker has taken on what was said so far: from then on new clients meet it, and the addresses
    /// of doors that were closed are free.
    public func settle() async {
        await withCheckedContinuation { continuation in
            // All of them at once, and nobody is woken before the last one.
            let last = Guarded(workers.count)
            let isDone: @Sendable () -> Void = {
                let left = last.withLock { left in
                    left -= 1
                    return left
                }
                if left == 0 { continuation.resume() }
            }
            for worker in workers {
                if !worker.loop.execute({ worker.settle(isDone) }) { isDone() }
            }
        }
    }

    // MARK: The end

    /// Stops accepting and waits until all connections have ended and no UDP client is owed an answer any more, or for
    /// `limit`, if there is one; what is then open is reset. Called again meanwhile, the limit that is over first
    /// counts.
    ///
    /// - Returns: how many connections the limit ended.
    @discardableResult
    public func drain(within limit: Duration?) async -> Int {
        let deadline = Task { [workers] in
            guard let limit else { return }
            try await Task.sleep(for: limit)
            for worker in workers {
                worker.loop.execute { worker.endAll() }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for worker in workers {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        if !worker.loop.execute({ worker.drain { continuation.resume() } }) { continuation.resume() }
                    }
                }
            }
        }
        deadline.cancel()
        return total.endedByDrain
    }

    /// Ends everything at once: open connections are reset, and the threads end. Idempotent.
    ///
    /// - Returns: whether every loop closed all its handles.
    @discardableResult
    public func stop() -> Bool {
        for worker in workers {
            worker.loop.execute { worker.endAll() }
            worker.loop.stop()
        }
        for thread in threads { thread.join() }
        threads = []
        return workers.allSatisfy { $0.finalStatus == 0 }
    }
}
