import Base
import EventLoop
import Logging
import Proxy
import Redirect
import Synchronization

/// Lets the rules follow the relay, at their own pace: iptables may be locked by others for seconds, and a cluster may
/// change all the time.
final class RuleKeeper: Sendable {
    /// What the rules are to be looked at for.
    enum Request: Sendable {
        case change
        /// Others may have changed them.
        case check
        /// Others have changed them.
        case heal
    }

    /// After an error; the back end has tried several times by then.
    static let retryInterval = Duration.seconds(5)
    /// Those who change rules, often do it in several steps.
    private static let settling = Duration.milliseconds(100)
    /// Rules that somebody removes are put back at once so many times in a row. After that another program probably
    /// removes them whenever they are there, and they are put back less often.
    private static let heals = 20.0

    private let proxy: NodeProxy
    private let minPeriod: Duration
    private let retryPause: @Sendable () async -> Void
    private let watch: FirewallWatch?
    private let logger: Logger
    /// Called before each attempt.
    private let begins: (@Sendable () -> Void)?
    private let untilUndisputed: @Sendable () async -> Bool
    private let requests: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    /// However many come, each is carried out once, and none is lost to another.
    private let wanted = Guarded<Set<Request>>([])
    private let isRetryDue = Atomic<Bool>(false)
    /// Others have changed something since the rules were looked at; perhaps nothing of ours.
    private let othersWereThere = Atomic<Bool>(false)
    /// So many times it is told that others have changed the rules, and once a minute after that.
    private let tellings = Guarded(SyncPacer(period: .seconds(60), burst: heals))

    /// - Parameters:
    ///   - minPeriod: between two changes, on average.
    ///   - watch: notices what others do to the rules; nil where there are none.
    ///   - untilUndisputed: waits while rules are another process's affair; says whether one may have written some.
    ///   - retryPause: lets the time pass until another attempt after an error.
    init(
        proxy: NodeProxy, minPeriod: Duration, watch: FirewallWatch? = nil, logger: Logger = Logger(label: "daemon"),
        retryPause: @escaping @Sendable () async -> Void = { try? await Task.sleep(for: retryInterval) },
        untilUndisputed: @escaping @Sendable () async -> Bool = { false }, begins: (@Sendable () -> Void)? = nil
    ) {
        self.proxy = proxy
        self.minPeriod = minPeriod
        self.retryPause = retryPause
        self.watch = watch
        self.logger = logger
        self.begins = begins
        self.untilUndisputed = untilUndisputed
        // Of several requests that wait one is enough: it brings in force all that is wanted by then.
        (requests, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func request(_ request: Request) {
        wanted.withLock { _ = $0.insert(request) }
        wake.yield()
    }

    /// Asks for another attempt, in a while; once, however often it is called until then.
    func retryLater() {
        guard !isRetryDue.exchange(true, ordering: .acquiring) else { return }
        Task {
            await retryPause()
            isRetryDue.store(false, ordering: .releasing)
            request(.change)
        }
    }

    /// Carries out what is asked for, one after another and not too often, until the task is cancelled.
    func run(_ done: (NodeProxy.Redirected) -> Void) async {
        let clock = ContinuousClock()
        var changes = SyncPacer(period: minPeriod)
        var heals = SyncPacer(period: minPeriod, burst: Self.heals)
        var timer: Task<Void, Never>?
        defer { timer?.cancel() }
        for await _ in requests {
            timer?.cancel()
            let wanted = wanted.withLock { $0 }
            guard !wanted.isEmpty else { continue }
            // A heal has a pace of its own: what removes rules does not wait for a cluster that changes all the time.
            let isHeal = wanted.contains(.heal) && heals.wait(at: clock.now) < changes.wait(at: clock.now)
            let wait = isHeal ? heals.wait(at: clock.now) : changes.wait(at: clock.now)
            guard wait <= .zero else {
                // Something more urgent may come meanwhile.
                timer = Task {
                    if (try? await Task.sleep(for: wait)) != nil { wake.yield() }
                }
                continue
            }
            let isDoubtful = await untilUndisputed()
            if Task.isCancelled { return }
            if isDoubtful { await proxy.expectLeftovers() }
            if isHeal { heals.began(at: clock.now) } else { changes.began(at: clock.now) }
            self.wanted.withLock { $0.subtract(wanted) }
            let isSuspect = othersWereThere.exchange(false, ordering: .relaxed)
            begins?()
            let result = await proxy.redirect(checking: wanted != [.change] || isDoubtful)
            // With a change of our own among it nobody can tell whose it was.
            if isSuspect, !wanted.contains(.change), result.kernel.hasChanged { tellOfOthers(at: clock.now) }
            if wanted.contains(.heal), result.kernel.hasChanged, watch?.needsAnotherLook == true { request(.heal) }
            // Nothing is told after the end: rules may have been removed by then.
            if Task.isCancelled { return }
            done(result)
        }
    }

    /// Asks for a look whenever others have changed the rules, until the task is cancelled.
    func heal() async {
        guard let watch else { return }
        var seen = DisturbanceCount()
        for await _ in watch.disturbances {
            // It may have come with the ones before it.
            guard watch.count != seen else { continue }
            try? await Task.sleep(for: Self.settling)
            // Once: what comes after it has to be seen the next time.
            let count = watch.count
            if count.byOthers != seen.byOthers { othersWereThere.store(true, ordering: .relaxed) }
            seen = count
            request(.heal)
        }
    }

    private func tellOfOthers(at now: ContinuousClock.Instant) {
        let keepsHappening: Bool? = tellings.withLock { tellings in
            guard tellings.wait(at: now) <= .zero else { return nil }
            tellings.began(at: now)
            return tellings.wait(at: now) > .zero
        }
        guard let keepsHappening else { return }
        let question = keepsHappening ? "; it keeps happening: is there another proxy?" : ""
        logger.notice("another process has changed the rules, which have been put right\(question)")
    }
}
