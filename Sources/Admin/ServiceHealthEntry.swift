internal import EventLoop
internal import HTTP

/// A Service with a `healthCheckNodePort`, and how many endpoints it has on this node.
public struct ServiceHealthEntry: Hashable, Sendable {
    public var namespace: String
    public var name: String
    /// Its `healthCheckNodePort`.
    public var nodePort: UInt16
    /// Ready endpoints on this node, by their IP addresses, each counted once over all ports of the Service. Terminating
    /// ones do not count, even while they serve (SPEC §4.7).
    public var localEndpoints: Int

    public init(namespace: String, name: String, nodePort: UInt16, localEndpoints: Int) {
        self.namespace = namespace
        self.name = name
        self.nodePort = nodePort
        self.localEndpoints = localEndpoints
    }

    /// `namespace/name`.
    public var service: String { "\(namespace)/\(name)" }

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
    /// In words, naming the Service, the address and, where it can be seen, who holds the port.
    public var description: String
}
