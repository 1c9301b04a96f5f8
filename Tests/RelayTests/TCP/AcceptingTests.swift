import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Who is taken from the queues of the kernel, when, and what becomes of them when there is nothing to take them with
/// (docs/behaviour.md, B5.1, B5.9, B7.4 and B7.5).
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

    @Test func runningOutOfDescriptorsIsSurvived() async throws {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: 1024)
            let server = try ScriptedServer.identity("a")
            let hoard = Hoard()
            let lone = try LoneWorker(react: { event in
                // The first shortage is short: it is over as soon as the worker has noticed it.
                if case .acceptPaused = event, hoard.isBrief { hoard.giveBack() }
            })
            let port = try lone.open(endpoints: [server.port])
            func client() throws -> ScriptedPeer {
                try ScriptedPeer.connect(to: port, stepLimit: .seconds(15), script: [.receiveAll])
            }
            func answer() async -> String { await (try? client())?.whatItWasTold() ?? "" }
            try lone.run {
                do { try OwnResources.takeDescriptors() } catch { Issue.record(error) }
            }
            // Only what is opened from here on is not in both tables, and closed when one of them closes it.
            try await lone.perform { _ in }
            #expect(await answer() == "a")

            // Who comes during a short one waits for it to end, and is served.
            try await lone.perform { _ in hoard.take(leaving: 0) }
            #expect(await answer() == "a")
            #expect(await lone.pauses > 0)

            // Who comes during a long one is told in the end, and the wait for that costs next to nothing.
            hoard.isBrief = false
            let (spent, clock) = (try await lone.perform { _ in processorTime() }, ContinuousClock().now)
            try await lone.perform { _ in hoard.take(leaving: 0) }
            for turnedAway in try (0..<40).map({ _ in try client() }) {
                #expect(await turnedAway.whatItWasTold() == "reset")
            }
            let used = try await lone.perform { _ in processorTime() } - spent
            #expect(used < (ContinuousClock().now - clock) / 2, "the worker was busy with waiting")
            #expect(await lone.shed == 40)
            #expect(lone.records.count { $0.outcome == .exhausted } == 40)
            #expect(await lone.total.endings[.exhausted] == 40)

            // The last one goes to the client, and its endpoint gets the one in reserve.
            hoard.isBrief = true
            try await lone.perform { _ in hoard.giveBack() }
            try await lone.perform { _ in hoard.take(leaving: 1) }
            #expect(await answer() == "a")
            #expect(await lone.shed == 40)

            // With room for a few of a crowd, each is served or told that it is not.
            try await lone.perform { _ in hoard.giveBack() }
            try await lone.perform { _ in hoard.take(leaving: 9) }
            let crowd = try (0..<60).map { _ in try client() }
            var answers: [String] = []
            for one in crowd { answers.append(await one.whatItWasTold()) }
            #expect(answers.contains("a"))
            #expect(Set(answers).isSubset(of: ["a", "reset"]))

            // And afterwards all is as it was.
            try await lone.perform { _ in hoard.giveBack() }
            for _ in 0..<10 { #expect(await answer() == "a") }
            #expect(await eventually { await lone.open == 0 })
            lone.stop()
            // Its descriptors were those of its thread; closing the same numbers here would hit others.
            _ = Unmanaged.passRetained(lone)
        }
    }
}

extension AcceptingTests {
    /// Whoever took the last descriptor, and the endpoint with the one in reserve, may stay for ever.
    @Test func whoStaysDoesNotKeepOthersWaiting() async throws {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: 1024)
            let server = try ScriptedServer.echo()
            let lone = try LoneWorker()
            let port = try lone.open(endpoints: [server.port])
            try lone.run {
                do { try OwnResources.takeDescriptors() } catch { Issue.record(error) }
            }
            try await lone.perform { _ in }
            let hoard = Hoard()
            try await lone.perform { _ in hoard.take(leaving: 1) }
            let staying = try await ClientCrowd.connect(1, to: port)
            #expect(await eventually { await lone.open == 1 })
            let others = try (0..<20).map { _ in
                try ScriptedPeer.connect(to: port, stepLimit: .seconds(15), script: [.receiveAll])
            }
            for other in others { #expect(await other.whatItWasTold() == "reset") }
            #expect(await lone.open == 1)
            staying.close()
            #expect(await eventually { await lone.open == 0 })
            lone.stop()
            _ = Unmanaged.passRetained(lone)
        }
    }

    /// The last part of the table is left to others, however many clients there are.
    @Test func theReserveIsLeftAlone() async throws {
        await #expect(processExitsWith: .success) {
            try raiseDescriptorLimit(to: 4096)
            let server = try ScriptedServer.echo()
            let lone = try LoneWorker(configure: { $0.descriptorCeiling = 300 })
            let port = try lone.open(endpoints: [server.port])
            try lone.run {
                do { try OwnResources.takeDescriptors() } catch { Issue.record(error) }
            }
            try await lone.perform { _ in }
            let crowd = try await ClientCrowd.connect(400, to: port)
            #expect(await eventually { await lone.pauses > 0 })
            // Long enough for several attempts; nobody has waited for so long that it is reset.
            #expect(await eventually { await lone.pauses > 3 })
            let next = try await lone.perform { _ in
                let descriptor = open("/dev/null", O_RDONLY)
                close(descriptor)
                return descriptor
            }
            #expect((290...306).contains(next), "the lowest number that is free is \(next)")
            #expect(await lone.open > 50)
            crowd.close()
            #expect(await eventually { await lone.open == 0 })
            let late = try ScriptedPeer.connect(to: port, script: [.send("x"), .expect("x")])
            _ = try await late.finished()
            lone.stop()
            _ = Unmanaged.passRetained(lone)
        }
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

/// Descriptors taken away from the thread that asks, which has some of its own.
final class Hoard: Sendable {
    private let taken = Locked<[Int32]>([])
    private let brief = Locked(true)

    var isBrief: Bool {
        get { brief.withLock { $0 } }
        set { brief.withLock { $0 = newValue } }
    }

    /// Takes all there are but some.
    func take(leaving some: Int) {
        taken.withLock { taken in
            while true {
                let descriptor = open("/dev/null", O_RDONLY)
                if descriptor < 0 { break }
                taken.append(descriptor)
            }
            for descriptor in taken.suffix(some) { close(descriptor) }
            taken.removeLast(some)
        }
    }

    func giveBack() {
        taken.withLock { taken in
            for descriptor in taken { close(descriptor) }
            taken = []
        }
    }
}

extension LoneWorker {
    fileprivate var pauses: UInt64 { get async { await total.acceptPauses } }
    fileprivate var shed: UInt64 { get async { await total.shed } }
    fileprivate var open: Int { get async { await total.open } }
}

extension ScriptedPeer {
    /// What a client that reads to the end got: an answer, "reset", or why it got neither.
    fileprivate func whatItWasTold() async -> String {
        let report = await report()
        guard let reason = report.failure?.reason else { return report.received.text }
        return reason.isReset ? "reset" : "\(reason)"
    }
}

/// How long the calling thread has been computing.
func processorTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

private func limitDescriptors(to count: Int) throws {
    var limit = rlimit()
    let which = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    getrlimit(which, &limit)
    limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
    setrlimit(which, &limit)
}
