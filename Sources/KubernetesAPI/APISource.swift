internal import Base
public import Cluster
internal import Glibc
public import Objects

/// Objects from an API server: listed once, then watched.
///
/// Nothing is told before all kinds have been listed, so that nobody acts on half of a cluster. From then on a change
/// is told as soon as it comes, and what has been told stays as it is for as long as the server cannot be asked.
///
/// Its requests begin with the first call of ``next()``, and end for good when a task that waits there is cancelled, or
/// when the client ends them by itself: it has been shut down then.
public actor APISource: ClusterSource {
    private let client: any APIClient
    private let selection: APISelection
    private let time: Timekeeper
    private let meter: APIMeter?
    /// The moment at which `time` began, by the machine's clock.
    private let beginning: Timestamp

    private(set) var reflectors: [Reflector]
    /// What each is doing, to be ended where that is no longer wanted.
    private var work: [Task<Void, Never>?]
    private var drivers: [Task<Void, Never>] = []
    private var hasBegun = false
    private var hasEnded = false
    /// Who waits for the next update.
    private var reader: CheckedContinuation<Void, Never>?
    /// What was told last, but for the changes; nil before the first time.
    private var told: SourceUpdate?

    /// Reading a large list takes a while: the actor has a thread of its own, so that it does not hold up one of the
    /// few that all of Swift's concurrency shares.
    private let executor = QueueExecutor(label: "portico.api")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - client: of the API server.
    ///   - meter: is told how it goes.
    public init(_ client: any APIClient, _ selection: APISelection, meter: APIMeter? = nil) {
        self.init(client, selection, clock: ContinuousClock(), random: SystemRandomNumberGenerator(), meter: meter)
    }

    /// - Parameters:
    ///   - clock: for all waiting.
    ///   - random: spreads what all nodes of a cluster would do at once.
    ///   - beginning: what the machine's clock says now, for those who are told since when something lasts.
    public init(
        _ client: any APIClient, _ selection: APISelection, clock: some Clock<Duration>,
        random: some RandomNumberGenerator & Sendable, beginning: Timestamp? = nil, meter: APIMeter? = nil
    ) {
        self.meter = meter
        self.client = client
        self.selection = selection
        self.beginning = beginning ?? Timestamp(seconds: Int64(Glibc.time(nil)))
        time = Timekeeper(clock)
        var random = random
        reflectors = selection.parts.map { part in
            // Each has numbers of its own.
            _ = random.next()
            return Reflector(part.resources, takesWhatIsAllowed: part.takesWhatIsAllowed, random: random)
        }
        work = selection.parts.map { _ in nil }
    }

    // MARK: Telling

    /// All that there is at first; before that, what keeps it from being known. From then on waits for changes. For one
    /// caller at a time.
    public func next() async -> SourceUpdate? {
        begin()
        while !hasEnded, !Task.isCancelled {
            if let update = takeUpdate() { return update }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    precondition(reader == nil, "two callers wait for one source: each would be told a part")
                    reader = continuation
                    if Task.isCancelled { wake() }
                }
            } onCancel: {
                Task { await self.wake() }
            }
        }
        end()
        return nil
    }

    /// Has everything listed again.
    public func reread() {
        for index in reflectors.indices {
            reflectors[index].reread()
            work[index]?.cancel()
        }
    }

    /// Somebody waits for the next update.
    var isAwaited: Bool { reader != nil }

    private func wake() {
        reader?.resume()
        reader = nil
    }

    private func end() {
        hasEnded = true
        for driver in drivers { driver.cancel() }
        for task in work { task?.cancel() }
        wake()
    }

    /// - Returns: nil if there is nothing to tell.
    private func takeUpdate() -> SourceUpdate? {
        var update = SourceUpdate()
        update.hasSynced = hasSynced
        update.unknownKinds = Set(reflectors.filter { !update.hasSynced || $0.isUnknown }.map(\.resource.kind))
        update.problems = Self.problems(of: reflectors, beginning: beginning)
        // Of several namespaces, it is the same for all.
        for note in reflectors.compactMap(\.note) where !update.notes.contains(note) { update.notes.append(note) }
        let hasChanges = update.hasSynced && reflectors.contains(where: \.ledger.hasChanges)
        guard hasChanges || update != told, update.hasSynced || !update.problems.isEmpty else { return nil }
        told = update
        if hasChanges {
            for index in reflectors.indices { update.changes.merge(reflectors[index].ledger.takeChanges()) }
        }
        return update
    }

    private var hasSynced: Bool {
        zip(reflectors, selection.parts).allSatisfy { $0.hasSynced || $1.isOptional && $0.outage?.cause == .resource }
    }

    // MARK: Driving

    private func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        meter?.begin(reflectors.map { APIMeter.Watch(resource: $0.resource.plural) })
        drivers = reflectors.indices.map { index in Task { await drive(index) } }
    }

    /// Does what a reflector says, until the source ends.
    private func drive(_ index: Int) async {
        while !hasEnded {
            let step = reflectors[index].next(at: time.now())
            let task = Task<Void, Never> {
                switch step {
                case .wait(let duration): try? await time.sleep(duration)
                case .send(let request): await exchange(request, index)
                }
            }
            work[index] = task
            await task.value
        }
    }

    private enum Outcome {
        case ended, failed(APIError), given
    }

    private func exchange(_ request: APIRequest, _ index: Int) async {
        let outcome = await converse(request, index)
        // Ended from here, whatever the client makes of that.
        guard !Task.isCancelled else { return reflectors[index].interrupt() }
        let now = time.now()
        switch outcome {
        case .ended: reflectors[index].end(at: now)
        case .failed(.cancelled): end()
        case .failed(let error):
            meter?.update(index) { $0.failures += 1 }
            reflectors[index].fail(error, at: now)
        case .given: break
        }
        count(index)
        tell()
    }

    private func count(_ index: Int) {
        let reflector = reflectors[index]
        meter?.update(index) { watch in
            (watch.hasSynced, watch.isUp) = (reflector.hasSynced, reflector.outage == nil && reflector.hasSynced)
            watch.resource = reflector.resource.plural
        }
    }

    /// Sends a request and takes its answer, to the end of it.
    private func converse(_ request: APIRequest, _ index: Int) async -> Outcome {
        meter?.update(index) { $0.requests += 1 }
        do throws(APIError) {
            let response = try await client.send(request)
            guard !Task.isCancelled else { return .given }
            let isRefused = response.status != 200
            if isRefused { meter?.update(index) { $0.failures += 1 } }
            reflectors[index].begin(
                status: response.status, retryAfter: response.header("retry-after"), at: time.now())
            tell()
            while let piece = try await response.body.next(isolation: self) {
                if !isRefused { meter?.update(index) { $0.lastHeard = .now } }
                let isEnough = Task.isCancelled || !reflectors[index].receive(piece, at: time.now())
                count(index)
                guard !isEnough else {
                    tell()
                    return .given
                }
                tell()
            }
            return .ended
        } catch {
            return .failed(error)
        }
    }

    /// Has the reader look whether there is something to tell.
    private func tell() {
        if reader != nil { wake() }
    }
}
