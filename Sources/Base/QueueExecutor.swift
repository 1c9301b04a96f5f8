private import Dispatch

/// Runs an actor on a dispatch queue of its own, for actors whose work blocks: on files, or on programs that they run.
/// Swift's own threads are as many as there are cores, and must not wait.
public final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// - Parameters:
    ///   - label: names the queue in debuggers.
    ///   - givesWay: its thread is a nice one, and so are programs that it runs: on a busy machine it waits for everybody
    ///     else. Else it has the priority of the process.
    public init(label: String, givesWay: Bool = false) {
        queue = DispatchQueue(label: label, qos: givesWay ? .utility : .unspecified)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }
}
