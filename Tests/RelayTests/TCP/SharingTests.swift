import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// Connections are shared out among the workers, whatever the kernel's hash makes of them.
@Suite(.timeLimit(.minutes(2))) struct SharingTests {
    private let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)

    /// Two workers, of which only the first listens: the most uneven that a hash can be.
    private final class Pair: Sendable {
        let workers: [Worker]
        let port: UInt16
        private let threads: [LoopThread]

        init(_ id: ServicePortID, endpoint: UInt16, secondKnows: Bool = true) throws {
            let configuration = RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 4096))
            workers = try (0..<2).map { _ in try Worker(configuration: configuration) { _ in } }
            let socket = try TCPSocket.listen(on: SocketAddress(v4: 0x7F00_0001, port: 0), shared: false)
            port = try TCPSocket.localAddress(of: socket).port
            let route = ServiceRoute(
                Balancer(inOrder: [Endpoint(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: endpoint))]),
                ServicePolicy())
            let (first, second) = (workers[0], workers[1])
            let listener = socket.release()
            first.loop.execute {
                first.serve(id, by: route)
                first.listen(1, Descriptor(owning: listener), for: id)
            }
            if secondKnows { second.loop.execute { second.serve(id, by: route) } }
            first.colleagues = [second]
            second.colleagues = [first]
            threads = try [first, second].map { worker in try LoopThread(name: "worker") { worker.run() } }
        }

        func drain(_ worker: Worker) async {
            await withCheckedContinuation { done in
                worker.loop.execute { worker.drain { done.resume() } }
            }
        }

        func stop() {
            for worker in workers {
                worker.loop.execute { worker.endAll() }
                worker.loop.stop()
            }
            for thread in threads { thread.join() }
        }
    }

    @Test func aFewConnectionsAreSharedEvenly() async throws {
        let server = try ScriptedServer.echo()
        let pair = try Pair(id, endpoint: server.port)
        let done = Cue()
        var clients: [ScriptedPeer] = []
        for count in 1...8 {
            clients.append(
                try ScriptedPeer.connect(
                    to: pair.port, script: [.send("x"), .expect("x"), .wait(done), .shutdownWrite, .receiveAll]))
            let client = clients[count - 1]
            #expect(await eventually { client.progress.received.count == 1 })
            #expect(pair.workers.map(\.load.current) == [(count + 1) / 2, count / 2])
        }
        done.give()
        for client in clients { _ = try await client.finished() }
        #expect(await eventually { pair.workers.allSatisfy { $0.load.current == 0 } })
        pair.stop()
    }

    /// The service port may be gone where the client is sent to, and not yet where it came from.
    @Test func aClientThatIsNotWantedComesBack() async throws {
        let server = try ScriptedServer.echo()
        let pair = try Pair(id, endpoint: server.port, secondKnows: false)
        for _ in 0..<2 {
            let done = Cue()
            let clients = try (0..<4).map { _ in
                try ScriptedPeer.connect(
                    to: pair.port, script: [.send("x"), .expect("x"), .wait(done), .shutdownWrite, .receiveAll])
            }
            for client in clients { #expect(await eventually { client.progress.received.count == 1 }) }
            #expect(pair.workers.map(\.load.current) == [4, 0])
            done.give()
            for client in clients { _ = try await client.finished() }
        }
        pair.stop()
    }

    @Test func aWorkerThatDrainsGetsNobody() async throws {
        let server = try ScriptedServer.echo()
        let pair = try Pair(id, endpoint: server.port)
        await pair.drain(pair.workers[1])
        let done = Cue()
        let clients = try (0..<4).map { _ in
            try ScriptedPeer.connect(to: pair.port, script: [.send("x"), .expect("x"), .wait(done), .shutdownWrite])
        }
        for client in clients { #expect(await eventually { client.progress.received.count == 1 }) }
        #expect(pair.workers[0].load.current == 4)
        done.give()
        for client in clients { _ = try await client.finished() }
        await pair.drain(pair.workers[0])
        pair.stop()
    }
}

@Suite struct WorkerLoadTests {
    @Test func nothingCanBeReservedOnceClosed() {
        let load = WorkerLoad()
        #expect(load.reserve())
        load.close()
        #expect(!load.reserve())
        #expect(!load.isClosedAndEmpty, "one is still under way")
        load.remove()
        #expect(load.isClosedAndEmpty)
    }
}
