public import Balancing
public import Base
public import EventLoop
internal import Glibc

/// Something that people may want to read about. Reported on a worker's thread.
public enum RelayEvent: Sendable {
    /// A connection has ended. Reported if asked for (``RelayConfiguration/reportsConnections``), and in any case if the
    /// client was reset for want of something (``ConnectionRecord/Outcome/isForWantOfSomething``).
    case connectionEnded(ConnectionRecord)
    /// A client has come in by a door at this port; reported only if asked for
    /// (``RelayConfiguration/reportsClients``).
    case clientAccepted(ServicePortID, UInt16)
    /// An attempt to reach an endpoint failed; another may follow.
    case dialFailed(DialFailure)
    /// A client waits for an endpoint of this service port, which has none; others may follow it.
    case waitingForEndpoint(ServicePortID)
    /// An endpoint could not be reached; others take its place, as far as there are any.
    case endpointEjected(ServicePortID, Endpoint)
    /// It can be reached again.
    case endpointReadmitted(ServicePortID, Endpoint)
    /// New clients of this service port have to wait in the kernel's queue, in one worker at least. Reported once,
    /// until for a while none had to.
    case acceptPaused(ServicePortID, Shortage)
    /// An endpoint did not see its client's own address, although the service port's policy wants that; reported for
    /// the first client of a service port that is concerned.
    case sourceNotPreserved(ServicePortID, SystemError)
    /// UDP flows of this service port have been ended to make room for others; reported once a second at most.
    case flowsEvicted(ServicePortID)
    /// A client was reset because of its user, who is not served (``RelayConfiguration/servesOnlyOwnUser``); nil for one
    /// of another machine or network namespace. Reported once a second at most for each user and worker.
    case clientRefused(ServicePortID, SocketAddress, user: UInt32?)
    /// A listener does not work, and its service port is not served at that address by one worker. It is tried again.
    case listenerFailed(ServicePortID, SystemError)
}

/// What keeps clients waiting.
public enum Shortage: Sendable, Hashable {
    /// The service port has its share of the dials that a worker may have under way at one time, which is this number;
    /// 0 if all of them are others'.
    case dials(Int)
    /// The same of connections, whose limit follows from that of open files.
    case connections(Int)
    /// The kernel has no descriptors or no memory; the errno.
    case kernel(Int32)
}

/// One connection, told at its end.
public struct ConnectionRecord: Sendable {
    public enum Outcome: Int, Sendable, CaseIterable {
        /// Both sides finished.
        case completed
        /// The client reset it, or was lost.
        case clientReset
        /// The endpoint reset it, or was lost.
        case endpointReset
        /// The client left before an endpoint was reached.
        case abandoned
        case noEndpoint
        case unreachable
        /// One side had finished and nothing moved for the half-open limit.
        case halfOpenLimit
        /// It was still open when the drain deadline came.
        case drained
        /// The kernel had no memory or descriptors for it.
        case exhausted
        /// Only one user is served, and it was a client of another (``RelayConfiguration/servesOnlyOwnUser``).
        case notAdmitted

        /// The client was reset because there was nobody or nothing to serve it with: an operator has something to mend.
        public var isForWantOfSomething: Bool {
            switch self {
            case .noEndpoint, .unreachable, .exhausted: true
            case .completed, .clientReset, .endpointReset, .abandoned, .halfOpenLimit, .drained, .notAdmitted: false
            }
        }

        /// For people.
        public var words: String {
            switch self {
            case .completed: "completed"
            case .clientReset: "reset by the client"
            case .endpointReset: "reset by the endpoint"
            case .abandoned: "the client left while dialling"
            case .noEndpoint: "no endpoint"
            case .unreachable: "no endpoint could be reached"
            case .halfOpenLimit: "half-open for too long"
            case .drained: "ended by the drain deadline"
            case .exhausted: "out of resources"
            case .notAdmitted: "not admitted"
            }
        }
    }

    public let port: ServicePortID
    public let client: SocketAddress
    /// The endpoint that served it, or the last that was tried.
    public let endpoint: Endpoint?
    /// Dial attempts, 0…4.
    public let attempts: Int
    public let bytesUp: UInt64
    public let bytesDown: UInt64
    /// How long it was open, in milliseconds.
    public let milliseconds: UInt64
    public let outcome: Outcome
    /// The errno of the attempts that failed: of one that shows that somebody is there, if there is one; 0 if none
    /// failed.
    public var dialError: Int32 = 0

    /// The attempts that failed, in their order. Known only where connections are reported.
    public var failed: [DialFailure] = []

    /// Nobody could be reached, and nothing has come back that would show a machine there: no route, or no answer in
    /// time.
    public var foundNobody: Bool { outcome == .unreachable && DialFailure.isSilent(dialError) }
}

/// One failed attempt to reach an endpoint.
public struct DialFailure: Sendable {
    public let port: ServicePortID
    public let endpoint: Endpoint
    /// 1…4.
    public let attempt: Int
    /// The errno; `ETIMEDOUT` if the attempt's own time limit ended it.
    public let code: Int32
    /// That time limit, in milliseconds.
    public let limit: UInt64

    /// Whether an errno says that there is no way to a machine, or that nothing comes back from it.
    static func isSilent(_ code: Int32) -> Bool {
        [EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EHOSTDOWN, ENETDOWN].contains(code)
    }
}
