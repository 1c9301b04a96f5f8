internal import Balancing
internal import Base
internal import EventLoop
public import Logging
public import Relay

/// Turns what the relay reports into log lines: for people, and not more of them than people can read.
public struct RelayNarrator {
    /// Lines about failed dials in one second, at most.
    private static let linesPerSecond = 10

    private let logger: Logger
    private var second: ContinuousClock.Instant
    private var lines = 0
    private var suppressed = 0

    public init(logger: Logger) {
        self.logger = logger
        self.second = ContinuousClock.now
    }

    /// Logs `event`, if there is something to say about it.
    public mutating func tell(_ event: RelayEvent) {
        switch event {
        case .connectionEnded(let record):
            // The client noticed nothing of failed attempts as long as one succeeded; this is what it does notice.
            guard let reason = Self.failure(record.outcome) else { return }
            limited { $0.warning("\(record.port): the client \(record.client) was reset: \(reason)") }
        case .dialFailed(let failure):
            let reason =
                failure.code == SystemError.timedOut
                ? "no answer within \(failure.limit) ms" : SystemError.reason(failure.code).lowercased()
            limited {
                $0.notice("\(failure.port): \(Self.name(failure.endpoint)): \(reason) (attempt \(failure.attempt))")
            }
        case .waitingForEndpoint(let port):
            limited { $0.notice("\(port): a client is waiting for an endpoint") }
        case .endpointEjected(let port, let endpoint):
            limited {
                $0.notice("\(port): \(Self.name(endpoint)) is passed over, if others are there, until it answers")
            }
        case .endpointReadmitted(let port, let endpoint):
            limited { $0.notice("\(port): \(Self.name(endpoint)) answers again") }
        case .acceptPaused(let port, let shortage):
            limited { $0.warning("\(port): new clients have to wait: \(Self.words(shortage))") }
        case .sourceNotPreserved(let port, let error):
            limited { $0.warning("\(port): endpoints do not see the addresses of their clients: \(error)") }
        case .listenerFailed(let port, let error):
            logger.error("\(port) is not served by one of the workers, which tries again: \(error)")
        }
    }

    private static func name(_ endpoint: Endpoint) -> String {
        endpoint.podName.isEmpty ? "\(endpoint.address)" : "\(endpoint.podName) \(endpoint.address)"
    }

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
            "\(SystemError.reason(code).lowercased())"
        }
    }

    private static func failure(_ outcome: ConnectionRecord.Outcome) -> String? {
        switch outcome {
        case .noEndpoint, .unreachable, .exhausted: outcome.rawValue
        default: nil
        }
    }

    private mutating func limited(_ write: (Logger) -> Void) {
        let now = ContinuousClock.now
        if now - second > .seconds(1) {
            if suppressed > 0 { logger.notice("… and \(suppressed) more such lines") }
            second = now
            lines = 0
            suppressed = 0
        }
        lines += 1
        if lines <= Self.linesPerSecond { write(logger) } else { suppressed += 1 }
    }
}
