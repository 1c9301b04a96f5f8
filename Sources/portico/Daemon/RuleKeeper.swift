import Logging
import Proxy
import Redirect
import Synchronization

/// Lets the rules follow the relay, at their own pace: iptables may be locked by others for seconds, and a cluster may change
/// all the time.
final class RuleKeeper: Sendable {
    /// What the rules are to be looked at for.
    enum Request: Sendable {
        case change
        /// Others may have changed them.
        case check
    }

    /// After an error; the applier has tried several times by then.
    static let retryInterval = Duration.seconds(5)
    /// Those who change rules, often do it in several steps.
    private static let settling = Duration.milliseconds(200)

    private let proxy: NodeProxy
    private let minPeriod: Duration
    private let retryPause: @Sendable () async -> Void
    private let requests: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    /// A look is wanted, however many changes come after it.
    private let isCheckWanted = Atomic<Bool>(false)
    private let isRetryDue = Atomic<Bool>(false)

    /// - Parameters:
    ///   - minPeriod: between two changes, on average.
    ///   - retryPause: lets the time pass until another attempt after an error.
    init(
        proxy: NodeProxy, minPeriod: Duration,
        retryPause: @escaping @Sendable () async -> Void = { try? await Task.sleep(for: retryInterval) }
    ) {
        self.proxy = proxy
        self.minPeriod = minPeriod
        self.retryPause = retryPause
        // Of several requests that wait one is enough: it brings in force all that is wanted by then.
        (requests, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func request(_ request: Request) {
        if request == .check { isCheckWanted.store(true, ordering: .releasing) }
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
        var pacer = SyncPacer(period: minPeriod)
        for await _ in requests {
            // Nothing is done after the end: rules may have been removed by then.
            guard (try? await Task.sleep(for: pacer.wait(at: clock.now))) != nil else { return }
            pacer.began(at: clock.now)
            done(await proxy.redirect(checking: isCheckWanted.exchange(false, ordering: .acquiring)))
        }
    }

    /// Asks for a look whenever others have changed the rules, until the task is cancelled. Where the kernel does not tell of
    /// that, the look at every period has to do.
    func watch(_ logger: Logger) async {
        guard let watch = try? FirewallWatch() else { return }
        for await _ in watch.disturbances {
            try? await Task.sleep(for: Self.settling)
            logger.notice("somebody has changed the rules; looking at them")
            request(.check)
        }
    }
}
