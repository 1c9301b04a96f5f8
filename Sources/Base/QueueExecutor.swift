private import Dispatch

/// Runs an actor on a dispatch queue of its own, for actors whose work blocks: on files, or on programs that they run.
/// Swift's own threads are as many as there are cores, and must not wait.
public final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// - Parameter label: names the queue in debuggers.
    public init(label: String) { queue = DispatchQueue(label: label, qos: .utility) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }
}
