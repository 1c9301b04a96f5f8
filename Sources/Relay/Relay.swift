public import EventLoop
public import Services

/// The data plane, as the control plane sees it: service ports with listeners and balancers, spread over one worker per
/// core.
///
/// Everything is said in terms of service ports that exist and doors that are open; a service port that is not mentioned is
/// not touched. Established connections survive every call but ``stop()``.
///
/// Listening sockets are made here, on the caller's thread, so that an address that cannot be had is an error of that very
/// call; then they are handed to the workers.
public actor Relay {
    private let workers: [Worker]
    private var threads: [LoopThread] = []
    private let configuration: RelayConfiguration
    private var routes: [ServicePortID: ServiceRoute] = [:]
    private var doors: [DoorID: [Int]] = [:]
    private var doorPorts: [DoorID: ServicePortID] = [:]
    private var lastDoor: UInt32 = 0
    private var listeningSockets = 0

    /// Names an open listener of a service port.
    public struct DoorID: Hashable, Sendable {
        fileprivate let number: UInt32
    }

    /// Starts the workers.
    ///
    /// - Parameter report: called on the workers' threads, for things that people may want to read; must not block.
    /// - Throws: ``SystemError`` if a loop or a thread cannot be made.
    public init(
        _ configuration: RelayConfiguration, report: @escaping @Sendable (RelayEvent) -> Void = { _ in }
    ) throws(SystemError) {
        self.configuration = configuration
        SignalWatcher.ignoreBrokenPipes()
        var workers: [Worker] = []
        var threads: [LoopThread] = []
        do throws(SystemError) {
            for index in 0..<configuration.workers {
                workers.append(try Worker(configuration: configuration, keepsHouse: index == 0, report: report))
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

    /// Makes a service port known, or gives it another balancer or policy. Connections that stand stay where they are, and
    /// clients with session affinity keep their endpoints as far as those are still there.
    public func serve(_ port: ServicePortID, with balancer: Balancer, policy: ServicePolicy = ServicePolicy()) {
        let route = routes[port]?.changed(to: balancer, policy) ?? ServiceRoute(balancer, policy)
        routes[port] = route
        for worker in workers {
            worker.loop.execute { worker.serve(port, by: route) }
        }
    }

    /// Closes the doors of a service port and forgets it. Its open connections run to their end.
    public func remove(_ port: ServicePortID) {
        guard let route = routes.removeValue(forKey: port) else { return }
        route.retire()
        for (door, owner) in doorPorts where owner == port { close(door) }
        for worker in workers {
            worker.loop.execute { worker.remove(port) }
        }
    }

    // MARK: Doors

    /// Listens on `address` for a service port that is being served.
    ///
    /// - Returns: the door, and the address with the port that the kernel chose if `address` has port 0.
    /// - Throws: ``SystemError``: `EADDRINUSE` also if another program of this user shares its ports.
    public func open(
        _ port: ServicePortID, on address: EndpointAddress
    ) throws(SystemError) -> (door: DoorID, address: EndpointAddress) {
        // Sockets that share a port must all say so, and another program of the same user may; a first socket that does
        // not share finds out whether the address is really free.
        let probe = try Self.bind(port.transport, SocketAddress(address), shared: false)
        let chosen = try TCPSocket.localAddress(of: probe)
        _ = consume probe

        let chosenWorkers = workersForNextListener(of: port)
        var sockets: [Int32] = []
        do throws(SystemError) {
            for _ in chosenWorkers { sockets.append(try Self.bind(port.transport, chosen, shared: true).release()) }
        } catch {
            for socket in sockets { _ = Descriptor(owning: socket) }
            throw error
        }
        lastDoor += 1
        let number = lastDoor
        for (index, socket) in zip(chosenWorkers, sockets) {
            let worker = workers[index]
            worker.loop.execute { worker.listen(number, Descriptor(owning: socket), for: port) }
        }
        let door = DoorID(number: number)
        doors[door] = chosenWorkers
        doorPorts[door] = port
        listeningSockets += chosenWorkers.count
        return (door, EndpointAddress(ip: address.ip, port: chosen.port))
    }

    private static func bind(
        _ transport: TransportProtocol, _ address: SocketAddress, shared: Bool
    ) throws(SystemError) -> Descriptor {
        switch transport {
        case .udp: try UDPSocket.bind(to: address, shared: shared)
        case .tcp, .sctp: try TCPSocket.listen(on: address, shared: shared)
        }
    }

    /// Stops listening at a door. Clients that the kernel has already accepted are served.
    public func close(_ door: DoorID) {
        guard let indices = doors.removeValue(forKey: door) else { return }
        doorPorts[door] = nil
        listeningSockets -= indices.count
        for index in indices {
            let worker = workers[index]
            worker.loop.execute { worker.closeListener(door.number) }
        }
    }

    /// Every worker listens, as long as the budget for listening sockets lasts; after that one worker, by hash.
    private func workersForNextListener(of port: ServicePortID) -> [Int] {
        guard listeningSockets + workers.count > configuration.budget.listeners else { return Array(workers.indices) }
        return [Int(UInt(bitPattern: port.hashValue) % UInt(workers.count))]
    }

    /// Returns when every worker has taken on what was said so far: from then on new clients meet it.
    public func settle() async {
        _ = await snapshot()
    }

    // MARK: Watching

    /// All counters now.
    public func snapshot() async -> RelaySnapshot {
        var sum = RelaySnapshot()
        for worker in workers {
            sum.add(
                await withCheckedContinuation { continuation in
                    if !worker.loop.execute({ continuation.resume(returning: worker.snapshot()) }) {
                        continuation.resume(returning: RelaySnapshot())
                    }
                })
        }
        // What the workers share is counted once.
        for (id, route) in routes {
            sum.ports[id]?.pinnedClients = route.pins.count
            sum.ports[id]?.ejectedEndpoints = route.balancer.endpoints.count(where: \.isEjected)
        }
        return sum
    }

    // MARK: The end

    /// Stops accepting and waits until all connections have ended, or for `limit`; what is then open is reset.
    ///
    /// - Returns: how many connections the limit ended.
    @discardableResult
    public func drain(within limit: Duration) async -> Int {
        let deadline = Task { [workers] in
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
        return await snapshot().total.endedByDrain
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
