internal import Balancing
internal import Base
public import EventLoop
internal import Glibc
public import Logging
public import Relay

/// Turns what the relay reports into log lines: for people, and not more of them than people can read.
///
/// What keeps happening is told once a minute, with how often it has happened: or one Service that nobody can reach
/// would keep all others out of the log.
public struct RelayNarrator {
    /// Lines in one second, at most.
    private static let linesPerSecond = 10
    /// How long nothing is said of what has just been told.
    private static let silence = Duration.seconds(60)

    /// What keeps happening to whom.
    private enum Subject: Hashable {
        case dial(ServicePortID, EndpointAddress)
        case reset(ServicePortName)
        case pause(ServicePortName, Shortage)
        case waiting(ServicePortID)
        case eviction(ServicePortID)
        case stranger(UInt32?)
    }

    private let logger: Logger
    private var second: ContinuousClock.Instant?
    private var lines = 0
    private var suppressed = 0
    /// When each was told, and how often it has happened since.
    private var told: [Subject: (time: ContinuousClock.Instant, since: Int)] = [:]
    /// Not before that are those looked for of which nothing has been heard for long.
    private var tidying: ContinuousClock.Instant?

    public init(logger: Logger) {
        self.logger = logger
    }

    /// Logs `event`, which has come at the time `now`, if there is something to say about it.
    public mutating func tell(_ event: RelayEvent, at now: ContinuousClock.Instant = .now) {
        switch event {
        case .clientAccepted: break
        case .connectionEnded(let record):
            // The client noticed nothing of failed attempts as long as one succeeded; this is what it does notice.
            guard let reason = Self.failure(record.outcome) else { return }
            once(.reset(record.port.name), at: now) {
                $0.warning(
                    "\(record.port): clients are reset: \(reason)\($1)",
                    metadata: .fields(["service": record.port, "client": record.client, "error": reason]))
            }
        case .dialFailed(let failure):
            // Over TCP it is ejected with its first failure (docs/behaviour.md, B4.4), which needs no line of its own.
            let time = failure.port.transport == .tcp ? "until it answers" : "for 3 s"
            let words = "\(failure.reason): passed over, if others are there, \(time)"
            let fields = Self.fields(failure.port, failure.endpoint, error: failure.reason)
            once(.dial(failure.port, failure.endpoint.address), at: now) {
                $0.notice("\(failure.port): \(failure.endpoint.title): \(words)\($1)", metadata: fields)
            }
        case .endpointEjected: break
        case .endpointReadmitted(let port, let endpoint):
            // If it fails again, that is worth a line again.
            told[.dial(port, endpoint.address)] = nil
            limited(at: now) {
                $0.notice("\(port): \(endpoint.title) answers again", metadata: Self.fields(port, endpoint))
            }
        case .waitingForEndpoint(let port):
            once(.waiting(port), at: now) {
                $0.notice("\(port): a client is waiting for an endpoint\($1)", metadata: Self.fields(port))
            }
        case .acceptPaused(let port, let shortage):
            let words = Self.words(shortage)
            once(.pause(port.name, shortage), at: now) {
                $0.warning(
                    "\(port): new clients have to wait: \(words)\($1)", metadata: Self.fields(port, error: words))
            }
        case .sourceNotPreserved(let port, let error):
            limited(at: now) {
                $0.warning(
                    "\(port): endpoints do not see the addresses of their clients: \(error)",
                    metadata: Self.fields(port, error: "\(error)"))
            }
        case .flowsEvicted(let port):
            once(.eviction(port), at: now) { logger, _ in
                logger.warning(
                    "\(port): there is no room for more clients, and flows of it end for new ones: \(Self.manyFlows)",
                    metadata: Self.fields(port))
            }
        case .clientRefused(let port, let client, let user):
            let words = Self.stranger(user, client)
            once(.stranger(user), at: now) {
                $0.warning(
                    "\(port): \(words)\($1)", metadata: .fields(["service": port, "client": client, "user": user]))
            }
        case .listenerFailed(let port, let error):
            logger.error(
                "\(port) is not served by one of the workers, which tries again: \(error)",
                metadata: Self.fields(port, error: "\(error)"))
        }
    }

    private static func fields(
        _ port: ServicePortID, _ endpoint: Endpoint? = nil, error: String? = nil
    ) -> Logger.Metadata {
        .fields(["service": port, "endpoint": endpoint?.address, "pod": endpoint?.podName, "error": error])
    }

    /// Who is not served where only one user is.
    public static func stranger(_ user: UInt32?, _ client: SocketAddress) -> String {
        let who = user.map { "a client of user \($0)" } ?? "\(client), which is no client on this machine,"
        return "\(who) is refused: only your own user is served (--share lets others in)"
    }

    private static let manyFlows =
        "the limit of open files allows no more (LimitNOFILE=, ulimit -n), unless many ask and are never answered"

    private static func words(_ shortage: Shortage) -> String {
        switch shortage {
        case .dials(0): "clients of other service ports are being connected, as many as may be at one time"
        case .dials(let count):
            "\(count) are being connected already, which is its share; its endpoints are slow to accept connections"
        case .connections(0):
            "other service ports have as many connections as the limit of open files allows; raise it (LimitNOFILE=, "
                + "ulimit -n)"
        case .connections(let count):
            "one worker has \(count) of its connections, which is its share of the limit of open files; raise that "
                + "(LimitNOFILE=, ulimit -n) if it needs more"
        case .kernel(let code):
            SystemError.reason(code).lowercased() + (code == EMFILE ? "; \(advice)" : "")
        }
    }

    /// Nil for ends that are nothing to be told.
    private static func failure(_ outcome: ConnectionRecord.Outcome) -> String? {
        switch outcome {
        case .noEndpoint: "it has no endpoint"
        case .unreachable: "none of its endpoints could be reached"
        case .exhausted: "descriptors or memory have run out; \(advice)"
        default: nil
        }
    }

    private static let advice = "raise the limit of open files (LimitNOFILE=, ulimit -n)"

    /// - Parameter write: is given how often it has happened since it was told last, in words.
    private mutating func once(
        _ subject: Subject, at now: ContinuousClock.Instant, _ write: (Logger, String) -> Void
    ) {
        let before = told[subject]
        if let before, now - before.time < Self.silence {
            told[subject]?.since += 1
            return
        }
        tidy(at: now)
        told[subject] = (now, 0)
        let count = before?.since ?? 0
        let times = count == 0 ? "" : "; \(count == 1 ? "once" : "\(count) times") more since that was said last"
        limited(at: now) { write($0, times) }
    }

    private mutating func tidy(at now: ContinuousClock.Instant) {
        guard now >= tidying ?? now else { return }
        tidying = now + Self.silence
        told = told.filter { now - $0.value.time < Self.silence * 2 }
    }

    /// There are lines that were left out, of which nothing has been said yet.
    public var owesCount: Bool { suppressed > 0 }

    /// Says how many lines were left out, if any. To be called when nothing has come for a second, and at the end: what
    /// comes next may be long in coming.
    public mutating func tellCount() {
        if suppressed > 0 {
            logger.warning("… and \(suppressed) more such \(suppressed == 1 ? "line" : "lines"), left out here")
        }
        suppressed = 0
    }

    private mutating func limited(at now: ContinuousClock.Instant, _ write: (Logger) -> Void) {
        if now - (second ?? now) > .seconds(1) || second == nil {
            tellCount()
            second = now
            lines = 0
        }
        lines += 1
        if lines <= Self.linesPerSecond { write(logger) } else { suppressed += 1 }
    }
}
