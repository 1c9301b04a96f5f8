import EventLoop
import Glibc
import Testing

@testable import Relay

/// The relay's state machine as a value: no descriptor, no clock.
@Suite struct DirectionTests {
    private let full = 64 * 1024

    private func reading() -> Direction { Direction(sourceReady: true) }

    @Test func aMessageCostsOneReadAndOneWrite() {
        var direction = reading()
        #expect(direction.next(at: 0) == .copy)
        direction.didRead(.moved(100), capacity: full, at: 0)
        direction.didWrite(.moved(100))
        // A short read has emptied the socket: no second read to find that out.
        #expect(direction.next(at: 0) == .wait)
        #expect(direction.moved == 100)
        direction.sourceHas(.readable)
        #expect(direction.next(at: 0) == .copy)
    }

    @Test func aShortReadAfterAnAnnouncedEndIsFollowedByAnother() {
        var direction = reading()
        direction.sourceHas([.readable, .peerDone])
        direction.didRead(.moved(100), capacity: full, at: 0)
        direction.didWrite(.moved(100))
        // The end came with the same event and will give no other.
        #expect(direction.next(at: 0) == .copy)
        direction.didRead(.end, capacity: full, at: 0)
        #expect(direction.next(at: 0) == .shutdown)
        direction.didShutdown()
        #expect(direction.phase == .finished)
        #expect(direction.isDone)
        #expect(direction.next(at: 0) == .wait)
    }

    @Test func aSinkThatTakesOnlyAPartStopsTheSource() {
        var direction = reading()
        direction.didRead(.moved(full), capacity: full, at: 0)
        direction.didWrite(.moved(1000))
        #expect(direction.phase == .pending)
        #expect(direction.held == Int32(full - 1000))
        direction.sourceHas(.readable)
        #expect(direction.next(at: 0) == .wait, "nothing is read while bytes are held: that is the back-pressure")
        direction.sinkHas(.writable)
        #expect(direction.next(at: 0) == .flush)
        direction.didWrite(.moved(full - 1000))
        #expect(direction.next(at: 0) == .copy)
        #expect(direction.moved == UInt64(full))
    }

    @Test func aSinkThatTakesNothingKeepsAll() {
        var direction = reading()
        direction.didRead(.moved(10), capacity: full, at: 0)
        direction.didWrite(.wouldBlock)
        #expect(direction.held == 10)
        #expect(direction.next(at: 0) == .wait)
    }

    @Test func anEndIsPassedOnOnlyAfterWhatCameBeforeIt() {
        var direction = reading()
        for _ in 0..<2 {
            direction.didRead(.moved(full), capacity: full, at: 0)
            direction.didWrite(.moved(full))
        }
        direction.didFill(.moved(5000), at: 0)
        direction.didDrain(.wouldBlock)
        direction.sourceHas(.peerDone)
        direction.sinkHas(.writable)
        #expect(direction.next(at: 0) == .flush)
        direction.didDrain(.moved(5000))
        #expect(direction.next(at: 0) == .fill)
        direction.didFill(.end, at: 0)
        #expect(direction.next(at: 0) == .copy, "an urgent byte stops a splice too: a read tells")
        direction.didRead(.end, capacity: full, at: 0)
        #expect(direction.next(at: 0) == .shutdown)
    }

    @Test func aShortReadBeforeAnUrgentByteIsFollowedByAnother() {
        var direction = reading()
        direction.sourceHas([.readable, .urgent])
        for _ in 0..<3 {
            direction.didRead(.moved(1), capacity: full, at: 0)
            direction.didWrite(.moved(1))
            #expect(direction.next(at: 0) == .copy, "it stopped there, and said nothing about what is behind it")
        }
        direction.didRead(.wouldBlock, capacity: full, at: 0)
        #expect(direction.next(at: 0) == .wait)
        // From here on it is a stream like others.
        direction.sourceHas(.readable)
        direction.didRead(.moved(1), capacity: full, at: 0)
        direction.didWrite(.moved(1))
        #expect(direction.next(at: 0) == .wait)
    }

    @Test func nothingIsSplicedPastAnUrgentByte() {
        var direction = reading()
        for _ in 0..<StreamDetector.fullReads {
            direction.didRead(.moved(full), capacity: full, at: 0)
            direction.didWrite(.moved(full))
        }
        #expect(direction.next(at: 0) == .fill)
        direction.sourceHas(.urgent)
        #expect(direction.next(at: 0) == .copy)
        // The next event says that it has been passed, although the source was never empty since.
        direction.sourceHas(.readable)
        #expect(direction.next(at: 0) == .fill)
        direction.sourceBroke()
        #expect(direction.next(at: 0) == .copy)
    }

    @Test func aBrokenSinkIsNoticedWithoutAWrite() {
        var direction = reading()
        direction.sinkBroke { ECONNRESET }
        #expect(direction.phase == .failed && direction.sinkFailed && direction.error == ECONNRESET)

        direction = reading()
        direction.didRead(.end, capacity: full, at: 0)
        direction.didShutdown()
        direction.sinkBroke {
            Issue.record("asking clears the error, which is the other direction's to find")
            return ECONNRESET
        }
        #expect(direction.phase == .finished)
    }

    @Test func bytesHeldAtTheEndGoOutFirst() {
        var direction = reading()
        direction.didRead(.moved(10), capacity: full, at: 0)
        direction.didRead(.end, capacity: full, at: 0)
        #expect(direction.phase == .flushing)
        #expect(!direction.isDone)
        #expect(direction.next(at: 0) == .flush)
        direction.didWrite(.moved(10))
        #expect(direction.isDone)
        #expect(direction.next(at: 0) == .shutdown)
    }

    @Test func aFullPipeIsNotAnEmptySocket() {
        var direction = reading()
        direction.didFill(.moved(23_000), at: 0)
        direction.didFill(.wouldBlock, at: 0)
        #expect(direction.sourceReady, "the pipe was full; the socket may hold more")
        direction.didDrain(.moved(23_000))
        direction.didFill(.wouldBlock, at: 0)
        #expect(!direction.sourceReady, "the pipe was empty, so it is the socket that is")
    }

    @Test func aShortDrainSaysNothingAboutTheSink() {
        var direction = reading()
        direction.didFill(.moved(100_000), at: 0)
        direction.didDrain(.moved(40_000))
        #expect(direction.next(at: 0) == .flush)
    }

    @Test(arguments: [ECONNRESET, ETIMEDOUT, EPIPE])
    func aBrokenSourceAndABrokenSinkAreToldApart(code: Int32) {
        var direction = reading()
        direction.didRead(.failed(code), capacity: full, at: 0)
        #expect(direction.phase == .failed && !direction.sinkFailed && direction.error == code)

        direction = reading()
        direction.didRead(.moved(1), capacity: full, at: 0)
        direction.didWrite(.failed(code))
        #expect(direction.phase == .failed && direction.sinkFailed && direction.error == code)
        #expect(direction.next(at: 0) == .wait)
    }
}

@Suite struct StreamDetectorTests {
    private let full = 64 * 1024

    private func splicing() -> StreamDetector {
        var detector = StreamDetector()
        for _ in 0..<StreamDetector.fullReads { detector.copied(full, of: full, at: 0) }
        return detector
    }

    @Test func smallMessagesAreCopiedForEver() {
        var detector = StreamDetector()
        for time in 0..<100 as Range<UInt64> {
            detector.copied(1400, of: full, at: time)
            #expect(detector.carrier(at: time) == .copy)
        }
    }

    @Test func fullReadsInARowStartSplicing() {
        var detector = StreamDetector()
        detector.copied(full, of: full, at: 0)
        detector.copied(full - 1, of: full, at: 0)
        detector.copied(full, of: full, at: 0)
        #expect(detector.carrier(at: 0) == .copy, "not in a row")
        detector.copied(full, of: full, at: 0)
        #expect(detector.carrier(at: 0) == .splice)
    }

    @Test func smallMovesInARowEndIt() {
        var detector = splicing()
        detector.spliced(100, at: 0)
        detector.spliced(full, at: 0)
        detector.spliced(100, at: 0)
        #expect(detector.carrier(at: 0) == .splice, "not in a row")
        detector.spliced(100, at: 0)
        #expect(detector.carrier(at: 0) == .copy)
    }

    @Test func aRestEndsIt() {
        var detector = splicing()
        #expect(detector.carrier(at: UInt64(StreamDetector.idle)) == .splice)
        #expect(detector.carrier(at: UInt64(StreamDetector.idle) + 1) == .copy)
    }

    @Test func itsClockMayWrap() {
        var detector = splicing()
        let wrap = UInt64(UInt32.max)
        detector.spliced(full, at: wrap - 5)
        #expect(detector.carrier(at: wrap + 5) == .splice)
    }

    @Test func withoutAPipeItCopiesAndTriesAgain() {
        var detector = splicing()
        detector.refused()
        #expect(detector.carrier(at: 0) == .copy)
        detector.copied(full, of: full, at: 0)
        detector.copied(full, of: full, at: 0)
        #expect(detector.carrier(at: 0) == .splice)
    }
}
