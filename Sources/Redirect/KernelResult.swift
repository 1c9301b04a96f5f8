public import Balancing
public import Base

/// What a change of a ``KernelBackEnd`` came to.
public struct KernelResult: Sendable {
    /// Those that the back end serves. One that has no rules, since the node has no address of it, is not among them
    /// unless they could not be removed.
    public var families: [IPAddress.Family: FamilyResult]
    /// How long it took.
    public var duration: Duration
    /// The programs that it took.
    public var cost: RedirectTally

    public init(
        families: [IPAddress.Family: FamilyResult] = [:], duration: Duration = .zero, cost: RedirectTally = .zero
    ) {
        self.families = families
        self.duration = duration
        self.cost = cost
    }

    /// Of a call after this one that has nothing to do.
    public var unchanged: KernelResult {
        KernelResult(
            families: families.mapValues { FamilyResult($0.outcome.map { _ in .unchanged }, refused: $0.refused) })
    }

    /// Whether anything had to be written.
    public var hasChanged: Bool {
        families.values.contains { if case .success(.applied) = $0.outcome { true } else { false } }
    }

    /// Whether all that it was told is in force, apart from what is refused.
    public var isInForce: Bool { families.values.allSatisfy { (try? $0.outcome.get()) != nil } }
}

/// What it came to for one family.
public struct FamilyResult: Sendable {
    /// After an error half of the change may be in force.
    public var outcome: Result<KernelOutcome, RedirectError>
    /// Worth a line, and no more: the rules are in force all the same.
    public var warnings: [String]
    /// All service ports that are not redirected by now, since their own rules are refused.
    public var refused: [RefusedPort]

    public init(
        _ outcome: Result<KernelOutcome, RedirectError>, warnings: [String] = [], refused: [RefusedPort] = []
    ) {
        self.outcome = outcome
        self.warnings = warnings
        self.refused = refused
    }
}

public enum KernelOutcome: Hashable, Sendable {
    /// All was as it should be.
    case unchanged
    /// So many lines of rules were sent; none if something else had to be put right.
    case applied(lines: Int)
}

/// A service port whose rules the kernel would not have. All others' are in force without it.
public struct RefusedPort: Hashable, Sendable {
    public var owner: ServicePortID
    public var family: IPAddress.Family
    public var error: RedirectError
    /// What was refused; another try is worth it once it is something else.
    var part: KernelService

    public init(_ owner: ServicePortID, _ family: IPAddress.Family, _ error: RedirectError) {
        self.init(owner, family, error, part: [])
    }

    init(_ owner: ServicePortID, _ family: IPAddress.Family, _ error: RedirectError, part: KernelService) {
        self.owner = owner
        self.family = family
        self.error = error
        self.part = part
    }

    public var problem: Problem {
        Problem(
            .error, .rules, subject: "\(owner)",
            "it is not redirected over IPv\(family.rawValue), because its rules are refused; they are tried again when "
                + "it changes: \(error)")
    }
}
