import Base
import ForwardProxy
import Logging
import Proxy

/// Turns what a proxy reports into log lines: each thing once a minute, and not more of them than people can read. A
/// browser asks for much that nobody wants to know of.
struct ForwardProxyNarrator {
    private static let silence = Duration.seconds(60)
    /// Things of which it is known when they were told, at most.
    private static let mostTold = 256

    private let logger: Logger
    private var limit = LineLimit()
    private var told: [String: ContinuousClock.Instant] = [:]

    init(_ logger: Logger) { self.logger = logger }

    mutating func tell(_ event: ForwardProxyEvent, at now: ContinuousClock.Instant = .now) {
        switch event {
        case .refused(_, let refusal):
            say(refusal.text.onOneLine, as: .notice, at: now)
        case .stranger(let client, let user):
            // Ports differ, and users count.
            say(RelayNarrator.stranger(user, client), key: "user \(user.map(String.init) ?? "")", as: .warning, at: now)
        case .wrongPassword(let client):
            say("\(client) has said a wrong password", key: "password", as: .warning, at: now)
        }
    }

    private mutating func say(
        _ text: String, key: String? = nil, as level: Logger.Level, at now: ContinuousClock.Instant
    ) {
        if let before = told[key ?? text], now - before < Self.silence { return }
        guard let leftOut = limit.take(at: now) else { return }
        if told.count >= Self.mostTold { told = [:] }
        told[key ?? text] = now
        if leftOut > 0 { logger.notice("--socks: \(leftOut) lines were left out here") }
        logger.log(level: level, "--socks: \(text)")
    }
}
