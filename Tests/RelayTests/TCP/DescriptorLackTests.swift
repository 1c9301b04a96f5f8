import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// What becomes of clients when descriptors run out, and of everybody else (docs/behaviour.md, B7.4 and B7.5).
@Suite(.timeLimit(.minutes(2))) struct DescriptorLackTests {
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
            try await lone.runWithOwnDescriptors()
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
            lone.stopWithOwnDescriptors()
        }
    }

    /// Whoever took the last descriptor, and the endpoint with the one in reserve, may stay for ever.
    @Test func whoStaysDoesNotKeepOthersWaiting() async throws {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: 1024)
            let server = try ScriptedServer.echo()
            let lone = try LoneWorker()
            let port = try lone.open(endpoints: [server.port])
            try await lone.runWithOwnDescriptors()
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
            lone.stopWithOwnDescriptors()
        }
    }

    /// The last part of the table is left to others, however many clients there are.
    @Test func theReserveIsLeftAlone() async throws {
        await #expect(processExitsWith: .success) {
            try raiseDescriptorLimit(to: 4096)
            let server = try ScriptedServer.echo()
            let lone = try LoneWorker(configure: { $0.descriptorCeiling = 300 })
            let port = try lone.open(endpoints: [server.port])
            try await lone.runWithOwnDescriptors()
            let crowd = try await ClientCrowd.connect(400, to: port)
            #expect(await eventually { await lone.pauses > 0 })
            // Long enough for several attempts; nobody has waited for so long that it is reset.
            #expect(await eventually { await lone.pauses > 3 })
            let next = try await lone.lowestFree
            #expect((290...306).contains(next), "the lowest number that is free is \(next)")
            #expect(await lone.open > 50)
            crowd.close()
            #expect(await eventually { await lone.open == 0 })
            let late = try ScriptedPeer.connect(to: port, script: [.send("x"), .expect("x")])
            _ = try await late.finished()
            lone.stopWithOwnDescriptors()
        }
    }

    /// Somebody lowers the limit of the process: what is left to others follows.
    @Test func theReserveFollowsTheLimit() async throws {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: 1024)
            let server = try ScriptedServer.echo()
            let lone = try LoneWorker(configure: { $0.descriptorCeiling = DescriptorBudget(limit: 4096).ceiling })
            let port = try lone.open(endpoints: [server.port])
            try await lone.runWithOwnDescriptors()
            let hoard = Hoard()
            try await lone.perform { _ in hoard.take(leaving: 200) }
            let crowd = try await ClientCrowd.connect(150, to: port)
            #expect(await eventually { await lone.pauses > 3 })
            let next = try await lone.lowestFree
            let ceiling = Int32(DescriptorBudget(limit: 1024).ceiling)
            #expect((ceiling - 10...ceiling + 6).contains(next), "the lowest number that is free is \(next)")
            #expect(await lone.open > 20)
            crowd.close()
            #expect(await eventually { await lone.open == 0 })
            lone.stopWithOwnDescriptors()
        }
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
    fileprivate func runWithOwnDescriptors() async throws {
        try run {
            do { try OwnResources.takeDescriptors() } catch { Issue.record(error) }
        }
        // Only what is opened from here on is not in both tables, and closed when one of them closes it.
        try await perform { _ in }
    }

    fileprivate func stopWithOwnDescriptors() {
        stop()
        // Its descriptors were those of its thread; closing the same numbers here would hit others.
        _ = Unmanaged.passRetained(self)
    }

    /// The number that the thread's next descriptor gets.
    fileprivate var lowestFree: Int32 {
        get async throws {
            try await perform { _ in
                let descriptor = Glibc.open("/dev/null", O_RDONLY)
                close(descriptor)
                return descriptor
            }
        }
    }
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
private func limitDescriptors(to count: Int) throws {
    var limit = rlimit()
    let which = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    getrlimit(which, &limit)
    limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
    setrlimit(which, &limit)
}
