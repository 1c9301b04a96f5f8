internal import CTestSupport
internal import Glibc

/// Does `body`, and with it all that makes sockets, in the network namespace of another process. Sockets stay in the
/// namespace that they were made in, whoever uses them later.
///
/// A thread of its own enters the namespace and ends there: the threads of the tests must not leave theirs.
public func insideNetwork<Result: Sendable>(
    of process: Int32, _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    let completion = Completion<Swift.Result<Result, any Error>>()
    try spawnThread {
        completion.finish(
            Swift.Result {
                let namespace = open("/proc/\(process)/ns/net", O_RDONLY | O_CLOEXEC)
                guard namespace >= 0 else { throw PeerError.last("open the network namespace of process \(process)") }
                defer { close(namespace) }
                guard test_enter_network(namespace) == 0 else { throw PeerError.last("setns") }
                return try body()
            })
    }
    return try await completion.value.get()
}
