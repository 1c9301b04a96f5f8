public import Base

/// How the firewall stands, and what it took to bring it there.
public struct RulesStatus: Sendable, Equatable {
    /// Families whose rules are as they should be.
    public var inForce: [IPAddress.Family]
    /// Of every family that is redirected the rules are as they should be.
    public var isInForce: Bool
    /// No family is redirected.
    public var isNone: Bool
    /// Of the last change.
    public var duration: Duration
    /// Programs that were started for it, and the bytes that they were given.
    public var processes: Int
    public var bytes: Int

    public init(
        inForce: [IPAddress.Family] = [], isInForce: Bool = true, isNone: Bool = false, duration: Duration = .zero,
        processes: Int = 0,
        bytes: Int = 0
    ) {
        self.inForce = inForce
        self.isInForce = isInForce
        self.isNone = isNone
        self.duration = duration
        self.processes = processes
        self.bytes = bytes
    }
}
