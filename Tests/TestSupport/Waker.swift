internal import CTestSupport
internal import Dispatch
internal import Glibc

/// The thread that wakes the tasks that wait for what other threads of the tests do.
///
/// Whoever wakes a task may have to make a thread for it to run on, and a thread is born with the network and the
/// descriptors of its maker. Were that one in a network of its own, all that Swift runs on the new thread would be there too,
/// and so would the threads that come of that one: tests that have nothing to do with it fail from then on, all of them.
final class Waker: Sendable {
    static let shared = Waker()

    private let work = Locked<[@Sendable () -> Void]>([])
    private let signal = DispatchSemaphore(value: 0)

    private init() {
        let isThere: Void? = try? spawnThread { [self] in
            // That of the process, whoever was the first to need this. Who may not do that has not left it.
            let home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)
            _ = test_enter_network(home)
            close(home)
            while true {
                signal.wait()
                for body in work.withLock({ work in
                    defer { work = [] }
                    return work
                }) { body() }
            }
        }
        precondition(isThere != nil, "no thread can be made")
    }

    func perform(_ body: @escaping @Sendable () -> Void) {
        work.withLock { $0.append(body) }
        signal.signal()
    }
}
