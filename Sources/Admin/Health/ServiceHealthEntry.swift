internal import EventLoop
internal import HTTP
internal import Resolution

extension ServiceHealthEntry {
    /// What a load balancer is told: 200 if it may send here, 503 if not.
    func answer(isProxyHealthy: Bool) -> HTTPAnswer {
        // The form of Go's encoder with tabs, byte by byte; names of Services need no escapes (RFC 1035 labels).
        let body = """
            {
            \t"service": {
            \t\t"namespace": "\(namespace)",
            \t\t"name": "\(name)"
            \t},
            \t"localEndpoints": \(localEndpoints),
            \t"serviceProxyHealthy": \(isProxyHealthy)
            }
            """
        var answer = HTTPAnswer.health(localEndpoints > 0 && isProxyHealthy, body)
        answer.headers.append(HTTPHeader("X-Load-Balancing-Endpoint-Weight", "\(localEndpoints)"))
        return answer
    }
}

/// A Service whose health cannot be asked for at one of the node's addresses. It is tried again at the next update.
public struct ServiceHealthProblem: Hashable, Sendable, CustomStringConvertible {
    public var namespace: String
    public var name: String
    /// In words, naming the address and, where it can be seen, who holds the port.
    public var text: String

    /// `Service shop/web`.
    public var subject: String { "Service \(namespace)/\(name)" }
    public var description: String { "\(subject): \(text)" }
}
