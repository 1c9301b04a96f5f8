import EventLoop
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct ExecuteTests {
    @Test func keepsTheOrderOfEachThreadAndLosesNothing() async throws {
        let (threads, items) = (4, 5_000)
        let running = try RunningLoop()
        let seen = Locked([[Int]](repeating: [], count: threads))
        let workers = try (0..<threads).map { number in
            try LoopThread(name: "giver \(number)") {
                for item in 0..<items {
                    #expect(running.loop.execute { seen.withLock { $0[number].append(item) } })
                }
            }
        }
        for worker in workers { worker.join() }
        #expect(running.finish() == 0)
        let all = seen.withLock { $0 }
        #expect(all.allSatisfy { $0 == Array(0..<items) })
    }

    @Test func workIsEitherRefusedOrRunWhenTheLoopIsStoppedMeanwhile() throws {
        for _ in 0..<50 {
            let running = try RunningLoop()
            let (accepted, ran) = (Locked(0), Locked(0))
            let giver = try LoopThread(name: "giver") {
                while running.loop.execute({ ran.withLock { $0 += 1 } }) { accepted.withLock { $0 += 1 } }
            }
            #expect(running.finish() == 0)
            giver.join()
            #expect(accepted.withLock { $0 } == ran.withLock { $0 })
        }
    }

    @Test func workMayGiveMoreWork() throws {
        let loop = try EventLoop()
        let order = Locked<[String]>([])
        loop.execute {
            order.withLock { $0.append("first") }
            loop.execute {
                order.withLock { $0.append("third") }
                loop.stop()
            }
            order.withLock { $0.append("second") }
        }
        #expect(loop.runGuarded() == 0)
        #expect(order.withLock { $0 } == ["first", "second", "third"])
    }

    @Test func runsOnTheThreadOfTheLoop() async throws {
        let running = try RunningLoop()
        let threads = Locked<Set<pthread_t>>([])
        for _ in 0..<10 { running.loop.execute { threads.withLock { _ = $0.insert(pthread_self()) } } }
        #expect(running.finish() == 0)
        #expect(threads.withLock { $0.count } == 1)
        #expect(threads.withLock { !$0.contains(pthread_self()) })
    }

    @Test func wakesALoopThatHasNothingElseToDo() async throws {
        // The one timer is far away: were the wake-up to wait for it, the test would run into its limit.
        let running = try RunningLoop()
        let loop = running.loop
        nonisolated(unsafe) var timer: Timer?
        loop.execute {
            timer = Timer(on: loop) {}
            timer?.start(after: 3_600_000)
        }
        let count = Locked(0)
        for round in 1...200 {
            loop.execute { count.withLock { $0 += 1 } }
            #expect(await eventually(every: .microseconds(100)) { count.withLock { $0 } == round })
        }
        #expect(running.finish() == 0)
        timer = nil
    }

    @Test func anIdleLoopUsesNoProcessor() async throws {
        let running = try RunningLoop()
        let clock = Locked<clockid_t?>(nil)
        running.loop.execute {
            var id = clockid_t()
            if pthread_getcpuclockid(pthread_self(), &id) == 0 { clock.withLock { $0 = id } }
        }
        #expect(await eventually { clock.withLock { $0 } != nil })
        let id = try #require(clock.withLock { $0 })
        let (used, passed) = (Self.time(id), Self.time(CLOCK_MONOTONIC))
        try await Task.sleep(for: .milliseconds(200))
        // A loop that polls uses as much processor time as passes. Compared, not measured: the machine may be busy.
        #expect((Self.time(id) - used) * 10 < Self.time(CLOCK_MONOTONIC) - passed)
        #expect(running.finish() == 0)
    }

    private static func time(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
