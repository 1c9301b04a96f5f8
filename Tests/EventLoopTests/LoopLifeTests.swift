import EventLoop
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct LoopLifeTests {
    @Test func runEndsWhenStoppedFromItsOwnThread() throws {
        let loop = try EventLoop()
        loop.execute { loop.stop() }
        #expect(loop.runGuarded() == 0)
    }

    @Test func runEndsWhenStoppedFromAnother() throws {
        let running = try RunningLoop()
        #expect(running.finish() == 0)
    }

    @Test func stopBeforeRunEndsItAtOnce() throws {
        let loop = try EventLoop()
        let ran = Locked(false)
        loop.execute { ran.withLock { $0 = true } }
        loop.stop()
        #expect(loop.runGuarded() == 0)
        #expect(ran.withLock { $0 }, "work accepted before the stop is not lost")
    }

    @Test func closesEverythingThatIsOutstanding() throws {
        let loop = try EventLoop()
        let timers = (0..<3).map { _ in Timer(on: loop) {} }
        timers[0].start(after: 60_000)
        timers[1].start(after: 0)
        let watcher = try SignalWatcher(on: loop, [SIGUSR1, SIGUSR2]) { _ in }
        let pair = try SocketPair()
        try loop.watch(pair.left.descriptor, token: 1)
        loop.execute { loop.stop() }
        #expect(loop.runGuarded() == 0)
        // Whoever still holds them may close them, and closing twice is harmless.
        for timer in timers { timer.close() }
        watcher.close()
    }

    @Test func endsAgainAtOnceOnceItHasEnded() throws {
        let loop = try EventLoop()
        loop.stop()
        #expect(loop.runGuarded() == 0)
        #expect(loop.run { _, _ in Issue.record("an ended loop reported something") } == 0)
        #expect(!loop.execute { Issue.record("an ended loop ran something") })
    }

    @Test func loopThatNeverRanIsFreed() throws {
        weak var gone: EventLoop?
        do {
            let loop = try EventLoop()
            gone = loop
            let timer = Timer(on: loop) {}
            timer.start(after: 60_000)
            _ = try SignalWatcher(on: loop, [SIGUSR1]) { _ in }
        }
        #expect(gone == nil)
    }

    @Test func loopThatWasStoppedAndNeverRanIsFreed() throws {
        weak var gone: EventLoop?
        do {
            let loop = try EventLoop()
            gone = loop
            loop.stop()
        }
        #expect(gone == nil)
    }

    @Test func memoryThatWasUsedBeforeDoesNotConfuseIt() async {
        // libuv leaves `data` of a new handle as it finds it. A process of its own: on failure it crashes.
        await #expect(processExitsWith: .success) {
            for size in stride(from: 16, through: 1024, by: 16) {
                let blocks = (0..<7).map { _ in UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16) }
                for block in blocks {
                    memset(block, 0x5A, size)
                    block.deallocate()
                }
            }
            let loop = try EventLoop()
            loop.stop()
            #expect(loop.run { _, _ in } == 0)
        }
    }

    @Test func givesAllDescriptorsBack() async {
        await #expect(processExitsWith: .success) {
            // libuv keeps a pair of descriptors for signals for the whole process; the first loop makes it.
            _ = try EventLoop()
            let baseline = Descriptors.open()
            for _ in 0..<20 {
                let loop = try EventLoop()
                _ = try SignalWatcher(on: loop, [SIGUSR1]) { _ in }
                loop.stop()
                #expect(loop.run { _, _ in } == 0)
                _ = try EventLoop()
            }
            await expectDescriptorsBackTo(baseline)
        }
    }

    @Test func threadCarriesItsName() async throws {
        let name = Locked("")
        // One byte less than the limit of 15, then a character of three bytes: it does not fit, and is left out whole.
        let thread = try LoopThread(name: "fourteen bytes✓") {
            name.withLock { $0 = Self.readLine("/proc/thread-self/comm") }
        }
        thread.join()
        #expect(name.withLock { $0 } == "fourteen bytes")
    }

    private static func readLine(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self)
    }
}
