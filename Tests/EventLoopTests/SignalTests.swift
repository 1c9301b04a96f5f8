import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// One after the other: signals belong to the process. Only SIGUSR1 and SIGUSR2, which nothing else here uses.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SignalTests {
    @Test func arriveOnTheThreadOfTheLoop() async throws {
        let running = try RunningLoop()
        let loop = running.loop
        let seen = Locked<[Int32]>([])
        let threads = Locked<Set<pthread_t>>([])
        nonisolated(unsafe) var watcher: SignalWatcher?
        let isWatching = Locked(false)
        loop.execute {
            threads.withLock { _ = $0.insert(pthread_self()) }
            watcher = try? SignalWatcher(on: loop, [SIGUSR1, SIGUSR2]) { signal in
                seen.withLock { $0.append(signal) }
                threads.withLock { _ = $0.insert(pthread_self()) }
            }
            isWatching.withLock { $0 = watcher != nil }
        }
        try #require(await eventually { isWatching.withLock { $0 } })
        kill(getpid(), SIGUSR1)
        #expect(await eventually { seen.withLock { $0 } == [SIGUSR1] })
        kill(getpid(), SIGUSR2)
        #expect(await eventually { seen.withLock { $0 } == [SIGUSR1, SIGUSR2] })
        #expect(threads.withLock { $0.count } == 1)
        #expect(running.finish() == 0)
        watcher = nil
    }

    @Test func reachEveryLoopThatWatches() throws {
        let loops = [try EventLoop(), try EventLoop()]
        var seen = 0
        let watchers = try loops.map { loop in
            try SignalWatcher(on: loop, [SIGUSR1]) { _ in
                seen += 1
                loop.stop()
            }
        }
        kill(getpid(), SIGUSR1)
        for loop in loops { #expect(loop.runGuarded() == 0) }
        #expect(seen == 2)
        withExtendedLifetime(watchers) {}
    }

    @Test func watcherMayBeClosedInItsOwnCallback() throws {
        let loop = try EventLoop()
        var watcher: SignalWatcher?
        var heard = 0
        // Another thread may take the signal, and tell the two of it one by one while the loop runs.
        func hear() {
            heard += 1
            if heard == 2 { loop.stop() }
        }
        // A second watcher keeps the signal away from its default action, which is to end the process.
        let other = try SignalWatcher(on: loop, [SIGUSR1]) { _ in hear() }
        watcher = try SignalWatcher(on: loop, [SIGUSR1]) { _ in
            watcher?.close()
            watcher = nil
            hear()
        }
        kill(getpid(), SIGUSR1)
        #expect(loop.runGuarded() == 0)
        #expect(watcher == nil)
        withExtendedLifetime(other) {}
    }

    @Test func closedWatcherRestoresTheDefaultActionAndFreesItsClosure() throws {
        final class Held {}
        weak var gone: Held?
        let loop = try EventLoop()
        let watcher: SignalWatcher
        do {
            let held = Held()
            gone = held
            watcher = try SignalWatcher(on: loop, [SIGUSR2]) { _ in withExtendedLifetime(held) {} }
        }
        #expect(Self.hasHandler(SIGUSR2))
        watcher.close()
        #expect(!Self.hasHandler(SIGUSR2))
        #expect(loop.runTurns(2) == 0)
        #expect(gone == nil)
    }

    @Test func signalThatCannotBeWatchedIsAnErrorThatNamesIt() throws {
        let loop = try EventLoop()
        let error = try #require(throws: SystemError.self) {
            try SignalWatcher(on: loop, [SIGUSR1, SIGKILL]) { _ in }
        }
        #expect(error == SystemError("watch for signal", "9", code: EINVAL))
        #expect(!Self.hasHandler(SIGUSR1), "the ones that worked are given back")
        loop.stop()
        #expect(loop.runGuarded() == 0)
    }

    @Test func streamCarriesThemToTheControlPlane() async throws {
        let stream = try SignalStream([SIGUSR1, SIGUSR2])
        kill(getpid(), SIGUSR2)
        var signals = stream.signals.makeAsyncIterator()
        #expect(await signals.next() == SIGUSR2)
        stream.close()
        #expect(await signals.next() == nil)
        #expect(!Self.hasHandler(SIGUSR1))
    }

    private static func hasHandler(_ signal: Int32) -> Bool {
        var action = sigaction()
        sigaction(signal, nil, &action)
        return action.__sigaction_handler.sa_handler != nil
    }
}
