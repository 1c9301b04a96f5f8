import Base
import EventLoop
import Testing

@testable import Relay

@Suite struct SlabTests {
    @Test func aNameOutlivesItsValueWithoutHarm() {
        var slab = Slab<Int>()
        let first = slab.insert(1)
        slab.remove(first)
        let second = slab.insert(2)
        #expect(second.index == first.index, "the entry is used again")
        #expect(slab.find(first) == nil)
        #expect(slab.find(second)?.pointee == 2)
        slab.remove(first)
        #expect(slab.count == 1)
    }

    @Test func valuesStayWhereTheyAre() {
        var slab = Slab<Int>()
        let id = slab.insert(0)
        let address = slab.find(id)
        let others = (1...1000).map { slab.insert($0) }
        #expect(slab.find(id) == address)
        #expect(others.map { slab.find($0)?.pointee } == Array(1...1000))
        #expect(slab.ids.count == 1001)
    }

    @Test func itReleasesWhatItHolds() {
        final class Probe {}
        weak var removed: Probe?
        weak var left: Probe?
        do {
            var slab = Slab<Probe>()
            var id: Slab<Probe>.ID?
            do {
                let probe = Probe()
                removed = probe
                id = slab.insert(probe)
                let other = Probe()
                left = other
                _ = slab.insert(other)
            }
            if let id { slab.remove(id) }
            #expect(removed == nil)
            #expect(left != nil)
        }
        #expect(left == nil)
    }

    @Test func anIdleConnectionIsSmall() {
        // Two words of bookkeeping come on top, and 24 bytes for its deadline. No buffer, no pipe.
        // It is 176 now: there is room for a number, not for a thing that every connection would carry along.
        #expect(MemoryLayout<Connection>.stride <= 192)
        #expect(Hold().pipe == nil)
    }
}

@Suite struct TokenTests {
    @Test func itSurvivesThePassageThroughTheKernel() {
        let token = Token(.endpoint, index: .max, generation: 0xFF_FFFF, attempt: 3)
        #expect(Token(token.raw) == token)
        #expect(Token(Token(.listener, index: 7, generation: 0).raw) == Token(.listener, index: 7, generation: 0))
    }

    @Test func libuvsOwnTokenIsNotOne() {
        #expect(Token(EventLoop.Token.max) == nil)
    }

    @Test func successiveAttemptsDiffer() {
        let tokens = (1...4).map { Token(.endpoint, index: 1, generation: 1, attempt: $0).raw }
        #expect(Set(tokens).count == 4)
    }
}
