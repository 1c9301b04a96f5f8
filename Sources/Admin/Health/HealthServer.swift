public import Base
public import EventLoop
public import HTTP

/// Answers `/healthz` and `/livez` at one address, and nothing else (docs/behaviour.md, B11.1). Ends when it goes.
public final class HealthServer: Sendable {
    /// Held, since its thread answers.
    private let server: HTTPServer
    /// More than one where all addresses of both families are listened at.
    private let listeners: [HTTPListener]
    private let counts: ProbeCounts

    /// - Parameters:
    ///   - address: `[::]` stands for all addresses of both families, as it does for other programs.
    ///   - server: whose thread answers; it may serve others beside.
    ///   - shared: another process of this user may listen there too, if it also does so shared: for a restart without
    ///     a gap.
    /// - Throws: ``SystemError`` naming the address.
    public init(
        _ health: ProxyHealth, at address: SocketAddress, on server: HTTPServer, shared: Bool = false,
        counts: ProbeCounts = ProbeCounts()
    ) throws(SystemError) {
        self.server = server
        let answer: HTTPServer.Handler = { request in
            guard let probe = ProxyHealth.Probe(rawValue: request.path) else {
                return HTTPAnswer(.notFound, "404 page not found\n".utf8)
            }
            let answer = health.answer(probe)
            counts.count(probe, answer.status)
            return answer
        }
        var listeners: [HTTPListener] = []
        let isEverywhere = address == SocketAddress(.anyIPv6, port: address.port)
        do throws(SystemError) {
            listeners.append(try server.listen(on: address, shared: shared, answer: answer))
        } catch {
            // A machine without IPv6 has only the other half of "everywhere".
            guard isEverywhere, error.isFamilyMissing else { throw error }
        }
        if isEverywhere {
            let port = listeners.first?.address.port ?? address.port
            listeners.append(
                try server.listen(on: SocketAddress(.anyIPv4, port: port), shared: shared, answer: answer))
        }
        self.listeners = listeners
        self.counts = counts
        self.address = listeners[0].address
    }

    /// With the port that the kernel chose, if it was to choose one.
    public let address: SocketAddress

    /// How often a probe was answered with each status: what kube-proxy counts as `proxy_healthz_total` and
    /// `proxy_livez_total`.
    public func answers(to probe: ProxyHealth.Probe) -> [HTTPStatus: Int] {
        counts.answers(to: probe)
    }

    /// Ends listening, and returns when the address is free. Idempotent.
    public func close() {
        for listener in listeners { listener.close() }
    }
}

/// How often probes were answered with each status, by servers that may come and go. Any thread.
public final class ProbeCounts: Sendable {
    private let counts = Guarded<[ProxyHealth.Probe: [HTTPStatus: Int]]>([:])

    public init() {}

    public func answers(to probe: ProxyHealth.Probe) -> [HTTPStatus: Int] { counts.withLock { $0[probe] ?? [:] } }

    func count(_ probe: ProxyHealth.Probe, _ status: HTTPStatus) {
        counts.withLock { $0[probe, default: [:]][status, default: 0] += 1 }
    }
}
