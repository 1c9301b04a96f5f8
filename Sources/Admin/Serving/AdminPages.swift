internal import Balancing
public import Base

/// What is shown, by path, and to whom (docs/metrics.md, docs/status.md).
///
/// Other machines see metrics, health and the mode. All else tells who is connected to whom, and is for programs of this
/// machine; to change something is for those who may use the Unix socket.
public struct AdminPages: Sendable {
    let subject: AdminSubject

    public init(_ subject: AdminSubject) { self.subject = subject }

    public func answer(_ request: AdminRequest, _ access: AdminAccess) async -> AdminAnswer {
        let isReading = request.method == "GET" || request.method == "HEAD"
        switch request.path {
        case "/metrics" where isReading: return await metrics(request)
        case "/healthz" where isReading, "/livez" where isReading: return AdminAnswer(200, "ok")
        // Without a newline, as kube-proxy has it and programs compare it.
        case "/proxyMode" where isReading: return AdminAnswer(200, subject.mode)
        default: break
        }
        guard access != .everybody else {
            return AdminAnswer(404, "not found; other machines see /metrics, /healthz, /livez and /proxyMode\n")
        }
        if access == .machine, request.mayBeOfAnotherPage {
            return AdminAnswer(403, "this is for programs of this machine, not for pages of others\n")
        }
        switch request.path {
        case "/log-level" where request.method == "PUT", "/debug/flags/v" where request.method == "PUT":
            return setVerbosity(request, access)
        case _ where !isReading: return AdminAnswer(405, "only reading is possible here\n")
        case "/": return Dashboard.page
        case "/status": return await subject.writer.status(subject, service: request.query["service"])
        case "/events": return events(request)
        case "/debug/connections": return await connections(request)
        case "/configz":
            return subject.configuration.map { AdminAnswer(200, $0(), contentType: "application/json") } ?? Self.missing
        case "/log-level": return AdminAnswer(200, "\(subject.verbosity?.read() ?? 0)\n")
        default: return Self.missing
        }
    }

    private static let missing = AdminAnswer(
        404,
        "not found; there are /, /metrics, /status, /events, /debug/connections, /configz, /log-level and /proxyMode\n")

    private func metrics(_ request: AdminRequest) async -> AdminAnswer {
        let format = MetricText.Format(accept: request.accept)
        return AdminAnswer(bytes: await subject.writer.metrics(subject, format), contentType: format.contentType)
    }

    private func events(_ request: AdminRequest) -> AdminAnswer {
        .json(subject.events.report(after: request.query["after"].flatMap { UInt64($0) } ?? 0))
    }

    private func connections(_ request: AdminRequest) async -> AdminAnswer {
        let most = request.query["limit"].flatMap { Int($0) }.map { min(max($0, 1), 10_000) } ?? 1000
        return .json(await ConnectionReport(subject).value(of: request.query["service"], atMost: most))
    }

    private func setVerbosity(_ request: AdminRequest, _ access: AdminAccess) -> AdminAnswer {
        guard access == .owner else {
            return AdminAnswer(403, "the log's level is changed through the Unix socket only\n")
        }
        let text = String(decoding: request.body, as: UTF8.self).filter { !$0.isWhitespace }
        guard let verbosity = subject.verbosity, let level = Int(text), (0...10).contains(level) else {
            return AdminAnswer(400, "a level from 0 to 10 is expected\n")
        }
        verbosity.write(level)
        return AdminAnswer(200, "the log's level is \(level) now\n")
    }
}
