public import EventLoop
public import HTTP

/// Answers `/healthz` and `/livez` at one address, and nothing else (SPEC §5.2). Ends when it goes.
public final class HealthServer: Sendable {
    /// Held, since its thread answers.
    private let server: HTTPServer
    private let listener: HTTPListener
    private let counts: Guarded<[ProxyHealth.Probe: [HTTPStatus: Int]]>

    /// - Parameters:
    ///   - server: whose thread answers; it may serve others beside.
    ///   - shared: another process of this user may listen there too, if it also does so shared: for a restart without a gap.
    /// - Throws: ``SystemError`` naming the address.
    public init(
        _ health: ProxyHealth, at address: SocketAddress, on server: HTTPServer, shared: Bool = false
    ) throws(SystemError) {
        self.server = server
        let counts = Guarded<[ProxyHealth.Probe: [HTTPStatus: Int]]>([:])
        listener = try server.listen(on: address, shared: shared) { request in
            guard let probe = ProxyHealth.Probe(rawValue: request.path) else {
                return HTTPAnswer(.notFound, "404 page not found\n".utf8)
            }
            let answer = health.answer(probe)
            counts.withLock { $0[probe, default: [:]][answer.status, default: 0] += 1 }
            return answer
        }
        self.counts = counts
    }

    /// With the port that the kernel chose, if it was to choose one.
    public var address: SocketAddress { listener.address }

    /// How often a probe was answered with each status, for `proxy_healthz_total` and `proxy_livez_total` (SPEC §5.3).
    public func answers(to probe: ProxyHealth.Probe) -> [HTTPStatus: Int] {
        counts.withLock { $0[probe] ?? [:] }
    }

    /// Ends listening, and returns when the address is free. Idempotent.
    public func close() {
        listener.close()
    }
}
