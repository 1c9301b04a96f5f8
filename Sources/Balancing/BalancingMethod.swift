/// How the next endpoint of a service port is chosen.
public enum BalancingMethod: String, Hashable, Sendable, CaseIterable {
    case roundRobin = "round-robin"
    case leastConnections = "least-connections"
    case random
}
