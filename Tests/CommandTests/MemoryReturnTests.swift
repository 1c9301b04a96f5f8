import TestSupport
import Testing

@testable import portico

@Suite struct MemoryReturnTests {
    @Test("Memory is given back twice after very many objects have changed, and again if they do so meanwhile")
    func memory() async {
        let (pauses, pause) = AsyncStream.makeStream(of: Void.self)
        let (given, giveBack) = (Locked(0), Locked<[Cue]>([]))
        let memory = MemoryReturn(
            pause: { _ in
                let cue = Cue()
                giveBack.withLock { $0.append(cue) }
                pause.yield()
                try? await cue.wait()
            },
            giveBack: { given.withLock { $0 += 1 } })
        var waits = pauses.makeAsyncIterator()
        memory.note(changes: 999)
        memory.note(changes: 1000)
        await waits.next()
        #expect(given.withLock { $0 } == 0)
        // Of several that come meanwhile one is enough.
        for _ in 0..<3 { memory.note(changes: 1000) }
        for count in 1...4 {
            giveBack.withLock { $0.removeFirst() }.give()
            if count < 4 { await waits.next() }
            #expect(await eventually { given.withLock { $0 } == count })
        }
        memory.note(changes: 1000)
        await waits.next()
        #expect(given.withLock { $0 } == 4)
    }
}
