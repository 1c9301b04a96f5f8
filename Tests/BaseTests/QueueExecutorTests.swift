import Base
import Glibc
import Testing

@Suite struct QueueExecutorTests {
    private actor Clerk {
        private let executor = QueueExecutor(label: "clerk")
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        /// Of the thread that this runs on.
        var niceness: Int32 { QueueExecutorTests.niceness(of: 0) }
    }

    /// Of a thread, by its number; 0 is the one that asks.
    private static func niceness(of thread: pid_t) -> Int32 {
        getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread))
    }

    @Test("An actor with a thread of its own, and what it starts, has the priority of the process")
    func priority() async {
        #expect(await Clerk().niceness == Self.niceness(of: getpid()))
    }
}
