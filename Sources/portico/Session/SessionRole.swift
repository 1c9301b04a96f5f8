import Cluster
import Relay
import Status

/// What is particular about one kind of session; ``Session`` has what all kinds have in common. Its functions are
/// called one after another.
protocol SessionRole: SendableMetatype {
    /// What only this kind wakes up for.
    associatedtype Event: Sendable
    /// What is said when everything is to be read again.
    var rereading: String { get }
    /// How often what did not work is tried again.
    var retryInterval: Duration { get }
    /// Signals that it wants to hear of.
    static var signals: [Int32] { get }
    @Sendable static func meaning(of signal: Int32) -> SessionSignal

    /// Before the source says anything, which may take long.
    mutating func prepare(_ configuration: RelayConfiguration, _ teller: StatusTeller) throws
    /// With which it ends at a signal that comes before there is anything to serve.
    func status(endedEarlyBy signal: Int32) -> Int32

    /// Serves what the source says at first.
    ///
    /// - Returns: whether that was all, and it is to end already.
    /// - Throws: why nothing can be served.
    mutating func start(_ first: SourceUpdate, _ tools: SessionTools<Event>) async throws -> Bool
    mutating func take(_ update: SourceUpdate) async
    /// Tries again what did not work.
    ///
    /// - Parameter isReread: somebody wants everything looked at again.
    mutating func retry(isReread: Bool) async
    /// - Returns: whether it is to end.
    mutating func take(_ event: Event) async -> Bool
    /// Somebody asks for an end.
    ///
    /// - Returns: whether it is to end, or others have been told to.
    mutating func endIsWanted(by signal: Int32) -> Bool

    /// The end begins: nobody new is to be served, and the status drains.
    ///
    /// - Returns: how long open connections may take to end, nil for no limit; each further signal brings the next
    ///   limit.
    mutating func beginEnd() async -> [Duration?]
    /// Once the first limit's drain is over, a signal is waited for before the end.
    var staysAfterDrain: Bool { get }
    /// Returns when there is no reason any more to stay.
    var untilAlone: @Sendable () async -> Void { get }
    /// It has stayed, and there is no reason any more.
    mutating func isAlone()
    /// The relay has stopped.
    mutating func finish() async
    /// With which it ends, if that is not for the session to say.
    var exitStatus: Int32? { get }
}

extension SessionRole {
    var staysAfterDrain: Bool { false }
    var untilAlone: @Sendable () async -> Void { {} }
    mutating func isAlone() {}
    mutating func prepare(_ configuration: RelayConfiguration, _ teller: StatusTeller) {}
}

/// What a session gives its role to work with.
struct SessionTools<Event: Sendable>: Sendable {
    let relay: Relay
    let teller: StatusTeller
    /// For work of the start that may take long.
    let signals: HeardSignals
    /// When the session began.
    let start: ContinuousClock.Instant
    /// Wakes the session. Any thread.
    let wake: @Sendable (Event) -> Void
}
