import Histogram
import Synchronization

/// What one neighbour of a load experiences: one operation after the other, over the window and over its first and its
/// last third, so that a delay that grows shows.
final class Neighbour: Sendable {
    private struct State {
        var all = Histogram<UInt64>(highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .three)
        var first = Histogram<UInt64>(highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .three)
        var last = Histogram<UInt64>(highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .three)
        /// When the operation under way began.
        var began: UInt64?
        /// Of the window: nil before it, and where its thirds end.
        var opened: UInt64?
        var firstThird: UInt64 = 0
        var secondThird: UInt64 = 0
        var lost: UInt64 = 0
        var failed: UInt64 = 0

        mutating func record(until end: UInt64) {
            guard let began, opened != nil else { return }
            let elapsed = end - began
            _ = all.record(elapsed)
            if began < firstThird { _ = first.record(elapsed) }
            if end >= secondThird { _ = last.record(elapsed) }
        }
    }

    /// Taken by the neighbour's own thread, and by the reader when the window ends: never contended.
    private let state = Mutex(State())

    func begin(at time: UInt64) { state.withLock { $0.began = time } }

    func end(at time: UInt64) {
        state.withLock { state in
            state.record(until: time)
            state.began = nil
        }
    }

    /// There is no answer: it took at least this long.
    func lose(at time: UInt64) {
        state.withLock { state in
            state.record(until: time)
            if state.opened != nil { state.lost += 1 }
            state.began = nil
        }
    }

    func fail() {
        state.withLock { state in
            state.failed += 1
            state.began = nil
        }
    }

    func beginWindow(at time: UInt64, seconds: Double) {
        state.withLock { state in
            state.opened = time
            state.firstThird = time + UInt64(seconds * 1e9 / 3)
            state.secondThird = time + UInt64(seconds * 2e9 / 3)
        }
    }

    /// The result at the end of the window. What is still waiting has waited that long: leaving it out would favour
    /// whoever lets nothing through.
    func result(_ name: String, at time: UInt64) -> NeighbourResult {
        state.withLock { state in
            state.record(until: time)
            state.opened = nil
            return NeighbourResult(
                name: name, operations: UInt64(state.all.totalCount), lost: state.lost, failed: state.failed,
                all: Percentiles(state.all), first: Percentiles(state.first), last: Percentiles(state.last))
        }
    }
}

extension Percentiles {
    fileprivate init?(_ histogram: Histogram<UInt64>) {
        guard histogram.totalCount > 0 else { return nil }
        self.init(p50: histogram.valueAtPercentile(50), p99: histogram.valueAtPercentile(99))
    }
}
