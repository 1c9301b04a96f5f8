/// A port of a pod, as its containers have it.
public struct PodPort: Hashable, Sendable, CustomStringConvertible {
    public var namespace: String
    public var pod: String
    public var port: UInt16

    public init(namespace: String, pod: String, port: UInt16) {
        self.namespace = namespace
        self.pod = pod
        self.port = port
    }

    public var description: String { "\(namespace)/\(pod):\(port)" }
}

/// Why tunnels to a pod fail, for people. Told when it begins and when it is something else.
public struct TunnelProblem: Hashable, Sendable {
    public var pod: PodPort
    /// What failed and what to do; nil when a tunnel works again.
    public var text: String?
}

/// How a tunnel failed.
struct TunnelFailure: Error, Hashable {
    /// An errno that says as much as a connection without tunnel would have said.
    var code: Int32
    var text: String
    /// No connection came about in the pod, so that nothing can have come of what was said.
    var isRefusal = false
}
