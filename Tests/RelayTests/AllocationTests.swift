// Only what the optimizer leaves counts, so these tests are in optimized builds alone: `make test-optimized`.
#if !DEBUG
    import EventLoop
    import Services
    import TestSupport
    import Testing

    @testable import Relay

    /// In the steady state nothing is allocated per message (DESIGN, "Two planes").
    @Suite(.timeLimit(.minutes(2))) struct AllocationTests {
        /// So many messages there and back; what is allocated has to be far below that.
        private let messages = 1000
        /// For the asking itself, and tables that happen to grow.
        private let allowance: UInt64 = 50

        @Test(arguments: [64, 1400]) func aDatagramCostsNoAllocation(size: Int) async throws {
            let server = try UDPServer()
            let worker = try LoneWorker(.udp, endpoint: server.port)
            let client = try UDPClient(to: worker.port)
            let datagram = BytePattern(seed: 1).prefix(size)
            func exchange(_ count: Int) async throws {
                for _ in 0..<count / 8 {
                    for _ in 0..<8 { try client.send(datagram) }
                    for _ in 0..<8 { #expect(try await client.receive() == datagram) }
                }
            }
            try await exchange(80)
            let before = await worker.allocations()
            try await exchange(messages)
            let after = await worker.allocations()
            #expect(after - before < allowance, "for \(messages) datagrams")

            // New flows do allocate: the count counts.
            for _ in 0..<messages / 10 { _ = try await UDPClient(to: worker.port).ask("x") }
            let last = await worker.allocations()
            if Allocations.areCounted { #expect(last - after >= UInt64(messages / 10)) }
            worker.stop()
        }

        @Test func aMessageCostsNoAllocation() async throws {
            let server = try ScriptedServer.echo()
            let worker = try LoneWorker(.tcp, endpoint: server.port)
            let (warm, go) = (Cue(), Cue())
            let exchange: [PeerStep] = [.send("ping"), .expect("ping")]
            let warmUp = Array(repeating: exchange, count: 20).flatMap { $0 }
            let measured = Array(repeating: exchange, count: messages).flatMap { $0 }
            let client = try ScriptedPeer.connect(
                to: worker.port, script: warmUp + [.give(warm), .wait(go)] + measured + [.shutdownWrite])
            try await warm.wait()
            let before = await worker.allocations()
            go.give()
            _ = try await client.finished()
            let after = await worker.allocations()
            #expect(after - before < allowance, "for \(messages) messages")
            worker.stop()
        }
    }

    /// A worker on a thread of its own with one service port, without the relay around it.
    private final class LoneWorker: Sendable {
        private let worker: Worker
        private let thread: LoopThread
        let port: UInt16

        init(_ transport: TransportProtocol, endpoint: UInt16) throws {
            let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 4096))
            let worker = try Worker(configuration: configuration) { _ in }
            let id = ServicePortID(ServicePortName(namespace: "default", service: "x"), transport)
            let loopback = SocketAddress(v4: 0x7F00_0001, port: 0)
            let socket =
                transport == .udp ? try UDPSocket.bind(to: loopback) : try TCPSocket.listen(on: loopback, shared: false)
            port = try TCPSocket.localAddress(of: socket).port
            let descriptor = socket.release()
            let target = Endpoint(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: endpoint))
            worker.loop.execute {
                worker.serve(id, by: ServiceRoute(Balancer(inOrder: [target]), ServicePolicy()))
                worker.listen(1, Descriptor(owning: descriptor), for: id)
            }
            self.worker = worker
            thread = try LoopThread(name: "worker") { worker.run() }
        }

        /// What the worker's thread has allocated so far.
        func allocations() async -> UInt64 {
            await withCheckedContinuation { continuation in
                worker.loop.execute { continuation.resume(returning: Allocations.ofThisThread()) }
            }
        }

        func stop() {
            worker.loop.stop()
            thread.join()
        }
    }
#endif
