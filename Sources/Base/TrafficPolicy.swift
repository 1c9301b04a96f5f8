/// Which endpoints traffic may go to: those of the whole cluster, or only those on this node (docs/behaviour.md, B3.6).
public enum TrafficPolicy: String, Codable, Hashable, Sendable, CaseIterable {
    case cluster = "Cluster"
    case local = "Local"
}
