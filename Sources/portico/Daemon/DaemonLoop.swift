import Logging
import Proxy
import Redirect
import Services

/// What a daemon wakes up for.
enum DaemonWake: Sendable {
    case state(ClusterState)
    case redirected(NodeProxy.Redirected)
    case signal(Int32)
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

    /// Of many lines of one kind, people read the first.
    private static let mostLines = 20

    let proxy: NodeProxy
    let keeper: RuleKeeper
    let health: DaemonHealth
    let report: NodeReport
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
        proxy: NodeProxy, keeper: RuleKeeper, health: DaemonHealth, report: NodeReport, logger: Logger,
        started: @escaping (NodeProxy.Served, NodeProxy.Redirected) async -> Void
    ) {
        self.proxy = proxy
        self.keeper = keeper
        self.health = health
        self.report = report
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
        new.problems += health.update(new, isChange: isChange)
        tell(new.problems, beside: served.problems, at: .error)
        tell(new.notes, beside: served.notes, at: .info)
        served = new
    }

    private mutating func take(_ redirected: NodeProxy.Redirected) async {
        health.update(redirected)
        for (family, outcome) in redirected.outcomes.sorted(by: { $0.key < $1.key }) {
            switch outcome {
            case .failure(let error):
                // What is tried again every few seconds need not be told as often.
                if errors.updateValue(error, forKey: family) != error {
                    logger.error("the rules for \(family) are not in force, and will be tried again: \(error)")
                }
            case .success(let done):
                if errors.removeValue(forKey: family) != nil {
                    logger.notice("the rules for \(family) are in force again")
                }
                if case .applied(let lines, _) = done {
                    logger.info("the rules for \(family) have changed: \(lines) lines")
                }
            }
        }
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

    /// Tells what is not known yet.
    private func tell(_ all: [String], beside known: [String], at level: Logger.Level) {
        let known = Set(known)
        let lines = all.filter { !known.contains($0) }
        for line in lines.prefix(Self.mostLines) { logger.log(level: level, "\(line)") }
        if lines.count > Self.mostLines {
            logger.log(level: level, "… and \(lines.count - Self.mostLines) more such lines")
        }
    }
}
