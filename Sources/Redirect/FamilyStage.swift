internal import Base
internal import Objects

/// How one family's rules stand with the firewall.
enum FamilyStage {
    /// Nobody has looked yet. There may be rules of a former process, which are taken over, and those of another mode.
    case starting
    /// Rules are in force, but those of another mode could not be removed from beside them.
    case besideOthers(RulesInForce)
    case steady(RulesInForce)
    /// After an error: what is there has to be read.
    case unsure
    /// There are no rules, for the node has no address of the family.
    case bare

    /// What is there, if that is known.
    var inForce: RulesInForce? {
        switch self {
        case .besideOthers(let rules), .steady(let rules): rules
        case .starting, .unsure, .bare: nil
        }
    }

    /// Whether rules of another mode may be there.
    var mayHaveLeftovers: Bool {
        switch self {
        case .starting, .besideOthers: true
        case .steady, .unsure, .bare: false
        }
    }

    /// A Service is to have something else than `former` from now on.
    mutating func changed(_ key: ObjectKey, from former: KernelService) {
        // Taken out of the enum meanwhile, so that it is not copied.
        switch self {
        case .besideOthers(var rules):
            self = .unsure
            rules.note(key, former)
            self = .besideOthers(rules)
        case .steady(var rules):
            self = .unsure
            rules.note(key, former)
            self = .steady(rules)
        case .starting, .unsure, .bare: break
        }
    }

    /// These are in force now, and what is beside them is as before.
    mutating func follow(_ rules: RulesInForce) {
        if case .besideOthers = self { self = .besideOthers(rules) } else { self = .steady(rules) }
    }

    /// Others may have left something since.
    mutating func expectLeftovers() {
        switch self {
        case .steady(let rules): self = .besideOthers(rules)
        case .unsure, .bare: self = .starting
        case .starting, .besideOthers: break
        }
    }

    /// Half of a change may be in force.
    mutating func failed() { self = mayHaveLeftovers ? .starting : .unsure }
}

/// Rules that are in the firewall, as far as is known, by what they were made of.
struct RulesInForce: Sendable {
    let writer: RuleWriter
    /// Nil where nothing is known that would be cheaper to look at than the rules themselves.
    var fingerprint = Fingerprint()
    /// What those Services had, and so have in the firewall, that are to have something else by now.
    private(set) var former: [ObjectKey: KernelService] = [:]

    init(_ writer: RuleWriter, _ fingerprint: Fingerprint) {
        self.writer = writer
        self.fingerprint = fingerprint
    }

    fileprivate mutating func note(_ key: ObjectKey, _ service: KernelService) {
        if former[key] == nil { former[key] = service }
    }
}

/// What a call has done to the firewall.
struct FamilyWork: Sendable {
    private(set) var outcome = KernelOutcome.unchanged
    var warnings: [String] = []
    /// Flows that are to be forgotten, also of calls that failed.
    private var stale: Set<StaleFlows> = []

    mutating func begin() {
        outcome = .unchanged
        warnings = []
    }

    mutating func applied(_ text: String = "", stale flows: [StaleFlows] = []) {
        var lines = text.utf8.count { $0 == UInt8(ascii: "\n") }
        if case .applied(let before) = outcome { lines += before }
        outcome = .applied(lines: lines)
        stale.formUnion(flows)
    }

    mutating func takeStale() -> [StaleFlows] {
        defer { stale = [] }
        return stale.sorted()
    }
}
