public import Base
public import Objects

/// What one step has made different; what readers of a ``StatusBoard`` are told.
public struct StatusChange: Sendable {
    /// One Service: nil where there was none, or is none any more.
    public struct Service: Sendable, Equatable {
        public let before: ServedService?
        public let after: ServedService?
    }

    /// The step has brought a new phase.
    public internal(set) var phase: Status.Phase?
    public internal(set) var services: [ObjectKey: Service] = [:]
    public internal(set) var problems = Difference<Problem>()
    public internal(set) var notes = Difference<Note>()
    /// How many Services were served before, if it is more or fewer now.
    public internal(set) var servedBefore: ServedCount?
    /// The rules were brought in force, or could not be.
    public internal(set) var rules: RulesStatus?

    public var isEmpty: Bool {
        phase == nil && services.isEmpty && problems.isEmpty && notes.isEmpty && rules == nil
    }
}
