// Only what the optimizer leaves counts, so these tests are in optimized builds alone: `make test-optimized`.
#if !DEBUG
    import Balancing
    import Base
    import EventLoop
    import TestSupport
    import Testing

    @testable import Relay

    /// In the steady state nothing is allocated per message.
    @Suite(.timeLimit(.minutes(2))) struct AllocationTests {
        /// So many messages there and back; what is allocated has to be far below that.
        private let messages = 1000
        /// For the asking itself, and tables that happen to grow.
        private let allowance: UInt64 = 50

        @Test(arguments: [64, 1400]) func aDatagramCostsNoAllocation(size: Int) async throws {
            let server = try UDPServer()
            let worker = try LoneWorker()
            let port = try worker.open("dns", .udp, endpoints: [server.port])
            try worker.run()
            let client = try UDPClient(to: port)
            let datagram = BytePattern(seed: 1).prefix(size)
            func exchange(_ count: Int) async throws {
                for _ in 0..<count / 8 {
                    for _ in 0..<8 { try client.send(datagram) }
                    for _ in 0..<8 { #expect(try await client.receive() == datagram) }
                }
            }
            try await exchange(80)
            let before = try await worker.allocations()
            try await exchange(messages)
            let after = try await worker.allocations()
            #expect(after - before < allowance, "for \(messages) datagrams")

            // New flows do allocate: the count counts.
            for _ in 0..<messages / 10 { _ = try await UDPClient(to: port).ask("x") }
            let last = try await worker.allocations()
            if Allocations.areCounted { #expect(last - after >= UInt64(messages / 10)) }
            worker.stop()
        }

        @Test func askingWhoseAConnectionIsCostsNoAllocation() throws {
            let listener = try TCPSocket.listen(on: .loopback(port: 0))
            let client = try TCPSocket.dial(try TCPSocket.localAddress(of: listener))
            let peer = try TCPSocket.localAddress(of: client)
            let place = try TCPSocket.localAddress(of: listener)
            var owner = try SocketOwner()
            var found = owner.user(of: peer, to: place) == nil ? 0 : 1
            let before = Allocations.ofThisThread()
            for _ in 0..<messages where owner.user(of: peer, to: place) != nil { found += 1 }
            #expect(Allocations.ofThisThread() - before < allowance, "for \(messages) questions")
            #expect(found == messages + 1)
        }

        @Test func aMessageCostsNoAllocation() async throws {
            let server = try ScriptedServer.echo()
            let worker = try LoneWorker()
            let port = try worker.open(endpoints: [server.port])
            try worker.run()
            let (warm, go) = (Cue(), Cue())
            let exchange: [PeerStep] = [.send("ping"), .expect("ping")]
            let warmUp = Array(repeating: exchange, count: 20).flatMap { $0 }
            let measured = Array(repeating: exchange, count: messages).flatMap { $0 }
            let client = try ScriptedPeer.connect(
                to: port, script: warmUp + [.give(warm), .wait(go)] + measured + [.shutdownWrite])
            try await warm.wait()
            let before = try await worker.allocations()
            go.give()
            _ = try await client.finished()
            let after = try await worker.allocations()
            #expect(after - before < allowance, "for \(messages) messages")
            worker.stop()
        }
    }

    extension LoneWorker {
        /// What the worker's thread has allocated so far.
        fileprivate func allocations() async throws -> UInt64 {
            try await perform { _ in Allocations.ofThisThread() }
        }
    }
#endif
