/// How the pods of a cluster are reached from this machine.
enum ReachChoice: String, CaseIterable, Sendable {
    /// Directly where that works, else through the API server.
    case auto
    /// By their addresses.
    case direct
    /// Through the API server, as `kubectl port-forward` does.
    case tunnel
}
