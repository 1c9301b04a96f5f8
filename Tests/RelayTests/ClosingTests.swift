import EventLoop
import Glibc
import Testing

@testable import Relay

/// Whether closing the sockets says what an end on the way back would say.
@Suite struct ClosingTests {
    private func failed(_ code: Int32) -> Direction {
        var direction = Direction(sourceReady: true)
        direction.didRead(.failed(code), capacity: 1, at: 0)
        return direction
    }

    @Test func aDirectionThatIsDoneNeedsNoOtherWords() {
        var direction = Direction(sourceReady: true)
        #expect(!direction.saysItByClosing)
        direction.didRead(.moved(1), capacity: 1, at: 0)
        direction.didRead(.end, capacity: 1, at: 0)
        #expect(!direction.saysItByClosing, "a byte is held")
        direction.didWrite(.moved(1))
        #expect(direction.saysItByClosing)
    }

    @Test func afterAResetAnEndMayBeTheRestOfIt() {
        #expect(failed(ECONNRESET).saysItByClosing)
    }

    @Test func aPeerThatHadEndedBeforeItBrokeHasEnded() {
        #expect(!failed(EPIPE).saysItByClosing)
    }
}
