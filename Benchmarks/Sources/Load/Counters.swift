import CBench

/// Counters in a file that load generator and backend both map: things are counted where they arrive and read by the
/// one process that keeps the time.
public struct Counters: @unchecked Sendable {
    // @unchecked: the mapping lives as long as the process, and every access is a relaxed atomic.
    public enum Slot: Int32 {
        case backendBytes, backendMessages
        case clientBytes, clientOperations, clientErrors, clientSent
        /// 1 while latencies are recorded.
        case recording
        /// 1 once threads should end.
        case stop
    }

    private let base: UnsafeMutableRawPointer

    public init?(path: String, create: Bool = false) {
        guard let base = bench_counters_map(path, create ? 1 : 0) else { return nil }
        self.base = base
    }

    @inline(__always) public func add(_ amount: Int, to slot: Slot) {
        bench_counter_add(base, slot.rawValue, UInt64(amount))
    }

    @inline(__always) public subscript(slot: Slot) -> UInt64 {
        get { bench_counter_read(base, slot.rawValue) }
        nonmutating set { bench_counter_set(base, slot.rawValue, newValue) }
    }

    public func reset() {
        for raw in 0...Slot.stop.rawValue { bench_counter_set(base, raw, 0) }
    }
}
