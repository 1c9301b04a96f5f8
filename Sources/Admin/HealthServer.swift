public import Base
public import EventLoop
public import HTTP

/// Answers `/healthz` and `/livez` at one address, and nothing else (docs/behaviour.md, B11.1). Ends when it goes.
public final class HealthServer: Sendable {
    /// Held, since its thread answers.
    private let server: HTTPServer
    /// More than one where all addresses of both families are listened at.
    private let listeners: [HTTPListener]
    private let counts: Guarded<[ProxyHealth.Probe: [HTTPStatus: Int]]>

    /// - Parameters:
    ///   - address: `[::]` stands for all addresses of both families, as it does for other programs.
    ///   - server: whose thread answers; it may serve others beside.
    ///   - shared: another process of this user may listen there too, if it also does so shared: for a restart without
    ///     a gap.
    /// - Throws: ``SystemError`` naming the address.
    public init(
        _ health: ProxyHealth, at address: SocketAddress, on server: HTTPServer, shared: Bool = false
    ) throws(SystemError) {
        self.server = server
        let counts = Guarded<[ProxyHealth.Probe: [HTTPStatus: Int]]>([:])
        let answer: HTTPServer.Handler = { request in
            guard let probe = ProxyHealth.Probe(rawValue: request.path) else {
                return HTTPAnswer(.notFound, "404 page not found\n".utf8)
            }
            let answer = health.answer(probe)
            counts.withLock { $0[probe, default: [:]][answer.status, default: 0] += 1 }
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
        counts.withLock { $0[probe] ?? [:] }
    }

    /// Ends listening, and returns when the address is free. Idempotent.
    public func close() {
        for listener in listeners { listener.close() }
    }
}
