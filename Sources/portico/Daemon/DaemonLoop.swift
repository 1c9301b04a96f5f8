import Admin
import Base
import Logging
import Proxy
import Redirect
import Resolution
import Status

/// What a daemon wakes up for.
enum DaemonWake: Sendable {
    case state(ClusterState)
    case redirected(NodeProxy.Redirected)
    /// Interfaces of this machine or their addresses have changed.
    case addresses
    case signal(Int32)
    /// Somebody wants everything looked at again.
    case reload
    /// Time to try again what did not work, and to look whether the rules are still there.
    case period
    /// Another process has taken over.
    case succeeded
}

/// What a daemon does, one wake after another: keeps the relay in step at once, asks for the rules to follow, and tells people
/// what they should know.
struct DaemonLoop {
    /// Why it has ended.
    enum End {
        case signal
        case succession
    }

    let proxy: NodeProxy
    let feed: ManifestFeed
    let keeper: RuleKeeper
    let health: DaemonHealth
    let report: NodeReport
    let teller: StatusTeller
    let logger: Logger
    /// Called once all that is wanted is served.
    let started: (NodeProxy.Served, NodeProxy.Redirected) async -> Void

    private var served = NodeProxy.Served()
    private var hasStarted = false
    /// A state is served that the rules have not followed yet.
    private var isAhead = false
    private var warned: Set<String> = []
    private var errors: [IPAddress.Family: RedirectError] = [:]

    init(
        proxy: NodeProxy, feed: ManifestFeed, keeper: RuleKeeper, health: DaemonHealth, report: NodeReport,
        teller: StatusTeller,
        logger: Logger,
        started: @escaping (NodeProxy.Served, NodeProxy.Redirected) async -> Void
    ) {
        self.proxy = proxy
        self.feed = feed
        self.keeper = keeper
        self.health = health
        self.report = report
        self.teller = teller
        self.logger = logger
        self.started = started
    }

    /// Deals with wakes until one of them says to end.
    mutating func run(_ wakes: AsyncStream<DaemonWake>) async -> End {
        for await wake in wakes {
            switch wake {
            case .signal: return .signal
            case .succeeded: return .succession
            case .state(let state):
                take(await proxy.serve(state), isChange: true)
                isAhead = true
                keeper.request(.change)
            case .reload:
                logger.notice("SIGHUP: reading everything again, and looking at the rules")
                await feed.reread()
                take(await proxy.retry(), isChange: false)
                keeper.request(.check)
            case .addresses:
                let before = served.addresses
                take(await proxy.retry(), isChange: false)
                if served.addresses != before { keeper.request(.change) }
            case .period:
                take(await proxy.retry(), isChange: false)
                keeper.request(.check)
            case .redirected(let redirected):
                await take(redirected)
            }
        }
        return .signal
    }

    private mutating func take(_ new: NodeProxy.Served, isChange: Bool) {
        var new = new
        teller.update { status in
            status.replace(new.problems, of: .services)
            status.replace(notes: new.notes.map { Note($0, isDetail: true) }, of: .services)
        }
        let unheard = health.update(new, isChange: isChange)
        teller.update { $0.replace(unheard, of: .health) }
        new.problems += unheard
        served = new
    }

    private mutating func take(_ redirected: NodeProxy.Redirected) async {
        health.update(redirected)
        for (family, outcome) in redirected.outcomes.sorted(by: { $0.key < $1.key }) {
            switch outcome {
            case .failure(let error):
                errors[family] = error
            case .success(let done):
                errors[family] = nil
                if case .applied(let lines) = done {
                    logger.info("the rules for \(family) have changed: \(lines) lines")
                }
            }
        }
        let problems = errors.sorted { $0.key < $1.key }.map { family, error in
            Problem(
                .error, .rules, subject: "the rules for \(family)",
                "they are not in force, and will be tried again: \(error)")
        }
        teller.update { $0.replace(problems + redirected.problems, of: .rules) }
        // What lacks, lacks at every change.
        for warning in redirected.warnings where warned.insert(warning).inserted { logger.warning("\(warning)") }
        if !redirected.isInForce { keeper.retryLater() }

        if !hasStarted {
            hasStarted = true
            await started(served, redirected)
        } else if redirected.hasChanged || isAhead {
            report.changed(served, redirected)
        }
        isAhead = isAhead && !redirected.isInForce
    }
}
