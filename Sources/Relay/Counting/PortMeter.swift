internal import Base

/// The counters of one service port: cells for each worker, side by side.
///
/// Lives as long as the service port is served, or has connections: workers hold it with what they know of the service
/// port. Any thread.
final class PortMeter: Sendable {
    private let rows: Rows
    private let removed: RemovedPorts

    init(workers: Int, removed: RemovedPorts) {
        rows = Rows(workers)
        self.removed = removed
    }

    deinit {
        removed.end(rows)
        rows.deallocate()
    }

    /// The cells of a worker, which is their only writer. Good for as long as this object.
    func cells(of worker: Int) -> UnsafeMutablePointer<PortCells> { rows[worker] }

    /// All workers' together.
    var sum: PortCounters { rows.sum }

    /// The service port is no longer served. What it has counted, and what its last connections add, stays in the
    /// total.
    func leave() { removed.add(rows) }

    /// Memory for the cells, in which no two workers write to the same cache line.
    ///
    /// Unchecked: the cells are atomic, and nobody reads them after they are gone. Who holds the meter keeps them, and
    /// ``RemovedPorts`` reads them under the lock under which it forgets them.
    fileprivate struct Rows: @unchecked Sendable {
        private static let cacheLine = 64
        private static let size = (MemoryLayout<PortCells>.stride + cacheLine - 1) / cacheLine * cacheLine

        let memory: UnsafeMutableRawPointer
        private let count: Int

        init(_ count: Int) {
            memory = .allocate(byteCount: count * Self.size, alignment: Self.cacheLine)
            self.count = count
            for row in 0..<count {
                (memory + row * Self.size).bindMemory(to: PortCells.self, capacity: 1).initialize(to: PortCells())
            }
        }

        func deallocate() {
            for row in 0..<count { self[row].deinitialize(count: 1) }
            memory.deallocate()
        }

        subscript(row: Int) -> UnsafeMutablePointer<PortCells> {
            (memory + row * Self.size).assumingMemoryBound(to: PortCells.self)
        }

        var sum: PortCounters {
            (0..<count).reduce(into: PortCounters()) { $0.add(self[$1].pointee) }
        }
    }
}

/// What service ports that are no longer served add up to. Those with connections still add to it, so that no number in
/// the total ever falls because a service port goes. Any thread.
final class RemovedPorts: Sendable {
    private struct State {
        var ended = PortCounters()
        /// By address: cells that somebody may still write to.
        var leaving: [UnsafeMutableRawPointer: PortMeter.Rows] = [:]
    }

    private let state = Guarded(State())

    var sum: PortCounters {
        state.withLock { state in state.leaving.values.reduce(into: state.ended) { $0 += $1.sum } }
    }

    fileprivate func add(_ rows: PortMeter.Rows) {
        state.withLock { $0.leaving[rows.memory] = rows }
    }

    /// Nobody writes to these cells any more, and their memory is about to go. Waits until nobody reads them.
    fileprivate func end(_ rows: PortMeter.Rows) {
        state.withLock { state in
            guard state.leaving.removeValue(forKey: rows.memory) != nil else { return }
            state.ended += rows.sum
        }
    }
}
