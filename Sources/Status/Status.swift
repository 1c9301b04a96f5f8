public import Base
public import Objects

/// How things stand with what is served, for whoever wants to show it: reports, health, a dashboard. One model for a
/// developer's machine and for a node.
///
/// What changes is told by Service, and takes time in proportion to that.
public struct Status: Sendable {
    public enum Phase: Sendable, Hashable {
        case starting
        case serving
        /// New clients are sent away, and those that are here served to the end.
        case draining
        case ended
    }

    public private(set) var phase = Phase.starting
    public private(set) var services: [ObjectKey: ServedService] = [:]
    /// Services with a port to serve, and their ports, as whoever serves them counts.
    public var serviceCount = 0
    public var portCount = 0
    /// How many Services have a port to serve, and of these how many have endpoints.
    public private(set) var served = ServedCount()
    /// Nil where there are none, and before the first.
    public private(set) var rules: RulesStatus?
    /// Where names are answered by DNS, as `address:port`; nil for nowhere.
    public var names: String?
    /// Where programs are led to Services by a proxy; nil for nowhere.
    public var forwardProxy: ForwardProxyStatus?
    private var problemLists = Findings<Problem>()
    private var noteLists = Findings<Note>()
    /// What has changed since it was taken.
    private var change = StatusChange()

    public init() {}

    /// Everything that is not as it was asked for, each once. Takes time in proportion to how much that is.
    public var problems: [Problem] { problemLists.current }
    public var problemCount: Int { problemLists.count }

    /// How many of ``problems`` are of this severity.
    public func problemCount(_ severity: Problem.Severity) -> Int {
        problemLists.count { $0.severity == severity }
    }

    public mutating func enter(_ phase: Phase) {
        guard phase != self.phase else { return }
        self.phase = phase
        change.phase = phase
    }

    /// How these Services are served from now on; nil for one that is not served any more.
    public mutating func update(services changed: [ObjectKey: ServedService?]) {
        for (key, after) in changed {
            let before = services[key]
            guard before != after else { continue }
            services.replace(key, with: after)
            let earlierCount = served
            served.replace(before, with: after)
            if change.servedBefore == nil, served != earlierCount { change.servedBefore = earlierCount }
            problemLists.replace(after?.problems ?? [], of: .service(key))
            noteLists.replace(after?.notes ?? [], of: .service(key))
            let earlier = change.services[key]
            let service = StatusChange.Service(before: earlier == nil ? before : earlier?.before, after: after)
            change.services[key] = service.before == service.after ? nil : service
        }
    }

    /// What `finder` knows of from now on, besides what is said of each Service.
    public mutating func replace(_ problems: [Problem], of finder: Finder) {
        problemLists.replace(problems, of: finder)
    }

    public mutating func replace(notes: [Note], of finder: Finder) {
        noteLists.replace(notes, of: finder)
    }

    /// The rules were brought in force, or could not be. Readers are told also if they stand as before.
    public mutating func update(rules: RulesStatus) {
        self.rules = rules
        change.rules = rules
    }

    /// What has changed since the last call.
    mutating func takeChange() -> StatusChange {
        change.problems = problemLists.takeDifference()
        change.notes = noteLists.takeDifference()
        defer { change = StatusChange() }
        return change
    }
}
