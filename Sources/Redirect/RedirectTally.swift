internal import Synchronization

/// What redirecting has cost so far in this process: programs are what a node with many Services runs out of first, so
/// this is shown to people and asserted in tests. Any thread.
public struct RedirectTally: Hashable, Sendable {
    /// Programs that were started.
    public var processes: Int
    /// Bytes that they were given to read.
    public var bytes: Int

    public static let zero = RedirectTally(processes: 0, bytes: 0)

    private static let startedProcesses = Atomic<Int>(0)
    private static let givenBytes = Atomic<Int>(0)

    /// As it stands now.
    public static var current: RedirectTally {
        RedirectTally(
            processes: startedProcesses.load(ordering: .relaxed), bytes: givenBytes.load(ordering: .relaxed))
    }

    static func add(bytes: Int) {
        startedProcesses.wrappingAdd(1, ordering: .relaxed)
        givenBytes.wrappingAdd(bytes, ordering: .relaxed)
    }

    public static func - (a: RedirectTally, b: RedirectTally) -> RedirectTally {
        RedirectTally(processes: a.processes - b.processes, bytes: a.bytes - b.bytes)
    }
}
