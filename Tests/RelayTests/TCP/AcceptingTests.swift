import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Who is taken from the queues of the kernel, when, and what becomes of those that are not
/// (docs/behaviour.md, B5.1 and B5.9).
@Suite(.timeLimit(.minutes(2))) struct AcceptingTests {
    @Test func aCrowdAtOneDoorDoesNotKeepOthersWaiting() async throws {
        let lone = try LoneWorker()
        // A client of a service port without endpoints is reset in the moment in which it is accepted, so the order of the
        // ends is that of the accepts.
        let (crowded, quiet) = (try lone.open("crowded", endpoints: []), try lone.open("quiet", endpoints: []))
        // They all wait already when the worker looks for the first time, the crowd before the other.
        let crowd = try await ClientCrowd.connect(200, to: crowded)
        let other = try await ClientCrowd.connect(1, to: quiet)
        try lone.run()
        #expect(await eventually { lone.records.count == 201 })
        let place = try #require(lone.records.firstIndex { $0.port.name.service == "quiet" })
        #expect(place < 100, "served after \(place) of the crowd")
        lone.stop()
        crowd.close()
        other.close()
    }

    @Test func aClosedDoorServesItsQueueFirst() async throws {
        let server = try ScriptedServer.echo()
        let lone = try LoneWorker()
        let port = try lone.open(endpoints: [server.port])
        let clients = try (0..<50).map { _ in
            try ScriptedPeer.connect(to: port, script: [.send("hello"), .expect("hello")])
        }
        // For them the connection stands, and what they sent is on its way. Nobody has accepted any of them.
        #expect(await eventually { clients.allSatisfy { $0.progress.sent.count == 5 } })
        lone.worker.closeListener(UInt32(port))
        try lone.run()
        for client in clients { _ = try await client.finished() }
        let late = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await late.report().failure?.reason.isRefused == true)
        lone.stop()
    }

    /// A busy door closes: its clients are served, others' too, and whoever waits for it to be closed is told.
    @Test func aDoorThatClosesKeepsNobodyElseWaiting() async throws {
        let lone = try LoneWorker()
        let (crowded, quiet) = (try lone.open("crowded", endpoints: []), try lone.open("quiet", endpoints: []))
        let crowd = try await ClientCrowd.connect(500, to: crowded)
        let other = try await ClientCrowd.connect(1, to: quiet)
        try lone.run {
            lone.worker.closeListener(UInt32(crowded))
        }
        let isClosed = Locked(false)
        lone.worker.loop.execute { lone.worker.settle { isClosed.withLock { $0 = true } } }
        #expect(await eventually { lone.records.count == 501 })
        let place = try #require(lone.records.firstIndex { $0.port.name.service == "quiet" })
        #expect(place < 100, "served after \(place) of the crowd")
        #expect(await eventually { isClosed.withLock { $0 } })
        let late = try ScriptedPeer.connect(to: crowded, script: [.receiveAll])
        #expect(await late.report().failure?.reason.isRefused == true)
        lone.stop()
        crowd.close()
        other.close()
    }

    @Test func whoWaitsForADoorToCloseIsToldWhenTheWorkerEnds() async throws {
        let lone = try LoneWorker()
        let crowded = try lone.open("crowded", endpoints: [])
        let crowd = try await ClientCrowd.connect(200, to: crowded)
        let isTold = Locked(false)
        try lone.run {
            lone.worker.closeListener(UInt32(crowded))
            lone.worker.settle { isTold.withLock { $0 = true } }
            lone.worker.loop.stop()
        }
        lone.stop()
        #expect(isTold.withLock { $0 })
        crowd.close()
    }

    /// A socket that does not listen answers accept with an error that is on no list; then somebody has it listen after all.
    @Test func aListenerThatFailsIsTriedAgain() async throws {
        let server = try ScriptedServer.identity("a")
        let lone = try LoneWorker()
        let address = try lone.open(endpoints: [server.port], listens: false)
        let listener = try #require(lone.worker.listeners[UInt32(address)])
        let raw = listener.socket.raw
        try lone.run()
        #expect(await eventually { lone.failures.count == 1 })
        let before = try await lone.perform { _ in processorTime() }
        // Several attempts.
        try await Task.sleep(for: .milliseconds(500))
        #expect(lone.failures.count == 1, "told once")
        #expect(
            try await lone.perform { _ in processorTime() } - before < .milliseconds(250), "it was busy with waiting")
        listen(raw, 16)
        let client = try ScriptedPeer.connect(to: address, script: [.receiveAll])
        #expect(try await client.finished().received.text == "a")
        lone.stop()
    }
}

/// How long the calling thread has been computing.
func processorTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
