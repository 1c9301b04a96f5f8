/// Nothing came for as long as somebody was ready to wait.
struct Silence: Error {
    let patience: Duration
}

/// Does `work`, and gives it up when it takes longer than `patience`; nil waits for as long as it takes.
func withPatience<Result: Sendable>(
    _ patience: Duration?, _ clock: any Clock<Duration>, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let patience else { return try await work() }
    return try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await clock.sleep(for: patience)
            throw Silence(patience: patience)
        }
        defer { group.cancelAll() }
        while let result = try await group.next() { return result }
        throw CancellationError()
    }
}
