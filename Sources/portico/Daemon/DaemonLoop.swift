import Admin
import Base
import Cluster
import Logging
import Proxy
import Redirect
import Resolution
import Status

/// What a daemon wakes up for.
enum DaemonWake: Sendable {
    case changes(ObjectChanges)
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
    let started: (NodeProxy.Served, KernelResult) async -> Void

    private var served = NodeProxy.Served()
    private var hasStarted = false
    /// A state is served that the rules have not followed yet.
    private var isAhead = false
    private var warned: Set<String> = []

    init(
        proxy: NodeProxy, feed: ManifestFeed, keeper: RuleKeeper, health: DaemonHealth, report: NodeReport,
        teller: StatusTeller,
        logger: Logger,
        started: @escaping (NodeProxy.Served, KernelResult) async -> Void
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
            case .changes(let changes):
                take(await proxy.serve(changes), isChange: true)
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
        let unheard = health.update(new, isChange: isChange)
        teller.update { status in
            status.update(services: new.services)
            status.replace(new.problems, of: .services)
            status.replace(notes: new.notes, of: .services)
            status.replace(unheard, of: .health)
        }
        served = new
    }

    private mutating func take(_ redirected: NodeProxy.Redirected) async {
        let kernel = redirected.kernel
        health.update(kernel)
        var problems: [Problem] = []
        for (family, result) in kernel.families.sorted(by: { $0.key < $1.key }) {
            switch result.outcome {
            case .failure(let error):
                problems.append(
                    Problem(
                        .error, .rules, subject: "the rules for \(family)",
                        "they are not in force, and will be tried again: \(error)"))
            case .success(.applied(let lines)):
                logger.info("the rules for \(family) have changed: \(lines) lines")
            case .success(.unchanged): break
            }
            problems += result.refused.map(\.problem)
            // What lacks, lacks at every change.
            for warning in result.warnings where warned.insert(warning).inserted { logger.warning("\(warning)") }
        }
        teller.update { status in
            status.replace(problems, of: .rules)
            status.update(rules: RulesStatus(kernel))
        }
        if !kernel.isInForce { keeper.retryLater() }

        if !hasStarted {
            hasStarted = true
            await started(served, kernel)
        } else if kernel.hasChanged || isAhead {
            report.changed(served, kernel, problems: teller.board.read { $0.problems })
        }
        isAhead = isAhead && !kernel.isInForce
        guard let served = redirected.served else { return }
        // What rules no longer lead to may be dialled from now on.
        take(served, isChange: true)
        isAhead = true
        keeper.request(.change)
    }
}

extension KernelResult {
    /// Families whose rules are as they should be.
    var inForce: [IPAddress.Family] { families.filter { (try? $0.value.outcome.get()) != nil }.keys.sorted() }

    var hasChanged: Bool {
        families.values.contains { if case .success(.applied) = $0.outcome { true } else { false } }
    }
}

extension RulesStatus {
    fileprivate init(_ kernel: KernelResult) {
        self.init(
            inForce: kernel.inForce, isInForce: kernel.isInForce, duration: kernel.duration,
            processes: kernel.cost.processes, bytes: kernel.cost.bytes)
    }
}
