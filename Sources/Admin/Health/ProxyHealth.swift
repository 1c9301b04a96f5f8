public import Base
internal import EventLoop
public import HTTP
public import Status

/// Whether the node may be sent new traffic at all; whoever watches the Node object says so.
public enum NodeEligibility: Sendable, Hashable {
    case eligible
    /// Nothing is known of the cluster yet.
    case unsynced
    /// The Node object has not been seen, or there is none.
    case unknown
    /// It has a deletion timestamp.
    case beingDeleted
    /// The cluster autoscaler is about to remove it: it has the taint `ToBeDeletedByClusterAutoscaler`, of any effect.
    case aboutToBeRemoved

    /// The taint's key.
    public static let autoscalerTaint = "ToBeDeletedByClusterAutoscaler"
}

/// Keeps track of the proxy's health: for each family, whether a sync that was asked for is overdue
/// (docs/behaviour.md, B11.1).
///
/// A proxy without changes is healthy however long ago its last sync was. May be used from any thread.
public final class ProxyHealth: Sendable {
    private struct Books {
        /// Of each family that is served.
        var families: [IPAddress.Family: FamilyBooks]
        var eligibility = NodeEligibility.unknown
    }

    private struct FamilyBooks {
        var lastUpdated: ContinuousClock.Instant
        /// When the oldest request came that no sync has followed.
        var oldestPending: ContinuousClock.Instant?
    }

    /// Problems in an answer, at most: it is for people, and asked for often.
    private static let mostProblems = 100

    private let overdue: Duration
    private let status: StatusBoard
    private let clock: HealthClock
    private let books: Guarded<Books>

    /// Its families count as up to date at this moment: it is to be made when the sync loop starts.
    ///
    /// - Parameters:
    ///   - families: those that are served.
    ///   - syncPeriod: a request that is older than twice this is overdue.
    ///   - status: its problems are told with every answer; when it drains, new clients are to go elsewhere.
    public init(
        families: [IPAddress.Family] = IPAddress.Family.allCases, syncPeriod: Duration = .seconds(30),
        status: StatusBoard = StatusBoard(), clock: HealthClock = .system
    ) {
        self.status = status
        overdue = syncPeriod * 2
        self.clock = clock
        let fresh = FamilyBooks(lastUpdated: clock.now())
        books = Guarded(Books(families: Dictionary(families.map { ($0, fresh) }) { first, _ in first }))
    }

    /// Something has changed that the kernel does not know of yet. Of several requests the oldest counts.
    ///
    /// - Parameters:
    ///   - families: nil stands for all.
    ///   - time: nil stands for now.
    public func syncRequested(_ families: [IPAddress.Family]? = nil, at time: ContinuousClock.Instant? = nil) {
        let time = time ?? clock.now()
        books.withLock { books in
            for family in families ?? Array(books.families.keys) where books.families[family]?.oldestPending == nil {
                books.families[family]?.oldestPending = time
            }
        }
    }

    /// A family's rules and listeners are as they should be. Without effect for a family that is not served.
    public func syncSucceeded(_ family: IPAddress.Family, at time: ContinuousClock.Instant? = nil) {
        let time = time ?? clock.now()
        books.withLock { books in
            guard books.families[family] != nil else { return }
            books.families[family] = FamilyBooks(lastUpdated: time)
        }
    }

    /// What is known of the Node object; ``NodeEligibility/unknown`` until it is told.
    public var nodeEligibility: NodeEligibility {
        get { books.withLock { $0.eligibility } }
        set { books.withLock { $0.eligibility = newValue } }
    }

    /// Whether no sync is overdue, in any family; the node's eligibility does not count.
    public var isHealthy: Bool { report().isHealthy }

    /// Whether new clients are served here: it is healthy, and does not drain.
    public var takesClients: Bool {
        let report = report()
        return report.isHealthy && !report.isDraining
    }
}

// MARK: - Answers

extension ProxyHealth {
    /// The probes that ``HealthServer`` answers.
    public enum Probe: String, Sendable, CaseIterable {
        /// Whether load balancers may send to the node: healthy, eligible, and not about to end.
        case healthz = "/healthz"
        /// Whether the process does its work: healthy, to the end of a drain.
        case livez = "/livez"
    }

    /// The state at one moment, as wall-clock times.
    private struct Report {
        var now: Int64
        var families: [(family: IPAddress.Family, lastUpdated: Int64, isHealthy: Bool)]
        var eligibility: NodeEligibility
        var isDraining: Bool
        var isHealthy: Bool { families.allSatisfy(\.isHealthy) }
        var isEligible: Bool { eligibility == .eligible }
    }

    private func report() -> Report {
        let (now, wall) = (clock.now(), clock.wallNanoseconds())
        let books = self.books.withLock { $0 }
        let isDraining = [.draining, .ended].contains(status.read { $0.phase })
        let families = books.families.sorted { $0.key.rawValue < $1.key.rawValue }.map { family, state in
            let age = now - state.lastUpdated
            let pending = state.oldestPending.map { now - $0 } ?? .zero
            // No sync will follow any more, so none is missing.
            return (family, wall - age.nanoseconds, isDraining || pending <= overdue)
        }
        return Report(
            now: wall, families: families, eligibility: books.eligibility, isDraining: isDraining)
    }

    /// The answer to a probe: 200 or 503, and the state as one line of JSON.
    ///
    /// With 200 the outer `lastUpdated` is the present time, as it always was where it is read by programs; with 503 it
    /// is the newest real one. `healthy` does not speak of the node, nor of a drain (`draining` is there only in one):
    /// it may be true with status 503. `synced` is there only until something is known. Nor does it of `problems`,
    /// which are there only if there are any: that one Service lacks something is no reason to send this node no
    /// traffic at all.
    public func answer(_ probe: Probe) -> HTTPAnswer {
        let report = report()
        let isFine = report.isHealthy && (probe == .livez || report.isEligible && !report.isDraining)
        let lastUpdated = isFine ? report.now : report.families.map(\.lastUpdated).max() ?? report.now
        let families = report.families.map { family in
            "\"\(family.family == .ipv4 ? "IPv4" : "IPv6")\":"
                + "{\"lastUpdated\":\"\(rfc3339(family.lastUpdated))\",\"healthy\":\(family.isHealthy)}"
        }
        var body = "{\"lastUpdated\":\"\(rfc3339(lastUpdated))\",\"currentTime\":\"\(rfc3339(report.now))\","
        if probe == .healthz { body += "\"nodeEligible\":\(report.isEligible)," }
        body += "\"healthy\":\(report.isHealthy),"
        if report.eligibility == .unsynced { body += "\"synced\":false," }
        if report.isDraining { body += "\"draining\":true," }
        body += "\"status\":{\(families.joined(separator: ","))}"
        let problems = status.read { $0.problems }
        if !problems.isEmpty {
            let texts = problems.prefix(Self.mostProblems).map { $0.description.quotedAsJSON }
            body += ",\"problemCount\":\(problems.count),\"problems\":[\(texts.joined(separator: ","))]"
        }
        body += "}"
        return .health(isFine, body)
    }
}

extension HTTPAnswer {
    /// JSON that browsers must not take for anything else.
    static func health(_ isFine: Bool, _ body: String) -> HTTPAnswer {
        var answer = HTTPAnswer(isFine ? .ok : .serviceUnavailable, body.utf8, contentType: "application/json")
        answer.headers = [HTTPHeader("X-Content-Type-Options", "nosniff")]
        return answer
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
