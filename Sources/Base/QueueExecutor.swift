private import Dispatch

/// Runs an actor on a dispatch queue of its own, for actors whose work blocks: on files, or on programs that they run.
/// Swift's own threads are as many as there are cores, and must not wait.
public final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// - Parameter label: names the queue in debuggers.
    public init(label: String) {
        // Of the priority of the process: with a lower quality of service the thread is a nice one, and so are programs
        // that it runs, and on a busy machine a change waits for everybody else.
        queue = DispatchQueue(label: label)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }
}
