internal import Base
internal import Objects

/// What a plug-in has told, for as long as it is good; and its next run, for all who wait for that.
actor ExecCredentials {
    /// Less than this before its end, a credential is as good as over: the request has yet to arrive, and clocks
    /// differ.
    static let slack: Int64 = 30
    /// A plug-in that gives the server what it refuses is not run for each request; it may open a browser.
    static let pause = Duration.seconds(60)

    private let runner: ExecRunner
    private let clock: CredentialClock
    private var credential: ExecCredential?
    private var obtained = Timestamp(seconds: 0)
    private var issue = 0
    private var isRefused = false
    /// When a refusal was last a reason to run it.
    private var refusedAt: ContinuousClock.Instant?

    private typealias Outcome = Result<Void, APIError>
    private var stop: Command.Stop?
    private var waiting: [Int: CheckedContinuation<Outcome, Never>] = [:]
    private var nextWaiter = 0

    init(_ runner: ExecRunner, _ clock: CredentialClock) {
        self.runner = runner
        self.clock = clock
    }

    /// The credential in force, and its number. Runs the plug-in if there is none, and waits if it runs already.
    func current() async throws(APIError) -> (credential: ExecCredential, issue: Int) {
        if let credential, !isRefused, clock.date() < due(credential) { return (credential, issue) }
        let outcome = await nextRun()
        if case .failure(let error) = outcome {
            // A run that fails before the end leaves what there is.
            guard error != .cancelled, let credential, !isRefused, isGood(credential) else { throw error }
            return (credential, issue)
        }
        // What is over when it comes is still what the plug-in has to say.
        guard let credential else { throw .cancelled }
        return (credential, issue)
    }

    /// The server has refused a credential: the plug-in is run again for the next request, by whoever asks first.
    ///
    /// - Returns: whether the next request will have another.
    func refuse(_ refused: Int) -> Bool {
        guard refused == issue, !isRefused else { return true }
        let now = clock.now()
        if let refusedAt, now - refusedAt < Self.pause { return false }
        refusedAt = now
        isRefused = true
        return true
    }

    private func isGood(_ credential: ExecCredential) -> Bool {
        credential.expires.map { clock.date() < $0 } ?? true
    }

    /// When the next one should be asked for.
    private func due(_ credential: ExecCredential) -> Timestamp {
        guard let end = credential.expires else { return Timestamp(seconds: .max) }
        let life = max(end.seconds - obtained.seconds, 0)
        return Timestamp(seconds: end.seconds - min(Self.slack, life / 10))
    }

    // MARK: Running

    /// Waits for the run that is under way, or begins one. A cancelled task waits no longer, and takes the program with
    /// it if nobody else waits.
    private func nextRun() async -> Outcome {
        let waiter = nextWaiter
        nextWaiter += 1
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                waiting[waiter] = continuation
                if stop == nil { begin() }
            }
        } onCancel: {
            Task { await leave(waiter) }
        }
    }

    private func leave(_ waiter: Int) {
        guard let continuation = waiting.removeValue(forKey: waiter) else { return }
        continuation.resume(returning: .failure(.cancelled))
        if waiting.isEmpty { stop?.now() }
    }

    /// The run belongs to all who wait, so it is a task of none of them.
    private func begin() {
        let stop = Command.Stop()
        self.stop = stop
        Task {
            do throws(APIError) {
                finish(.success(try await runner.run(stop)))
            } catch {
                finish(.failure(error))
            }
        }
    }

    private func finish(_ result: Result<ExecCredential, APIError>) {
        stop = nil
        // Somebody came after the last one had left.
        if result == .failure(.cancelled), !waiting.isEmpty { return begin() }
        if case .success(let next) = result {
            credential = next
            obtained = clock.date()
            issue += 1
            isRefused = false
        }
        let outcome = result.map { _ in }
        let all = waiting.values
        waiting = [:]
        for continuation in all { continuation.resume(returning: outcome) }
    }
}
