internal import CTestSupport

/// Requests for heap memory, of C and Swift alike.
public enum Allocations {
    /// How many the calling thread has made so far.
    public static func ofThisThread() -> UInt64 { test_allocations() }

    /// Sanitizers bring an allocator of their own, where nothing is counted.
    public static var areCounted: Bool { test_counts_allocations() }
}
