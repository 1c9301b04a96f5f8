/// That objects of a kind cannot be followed at the moment, and why.
struct Outage: Hashable, Sendable {
    enum Cause: Hashable, Sendable {
        /// The server, for whatever is asked: it cannot be reached, has no time, does not know us.
        case server
        /// What is asked for.
        case resource
    }

    var cause: Cause
    /// What happened, and what to do about it.
    var text: String
    /// By the reflector's clock.
    var since: Duration
    /// Only a watch fails, while lists are answered.
    var isOfWatch = false
    /// A stream that breaks is not worth a word, if the next attempt succeeds.
    var isWorthTelling = true
}

extension WatchedResource {
    /// What is missing, and the command that gives it.
    func missingPermission(to verb: String, _ status: APIStatus) -> String {
        let parts = status.message.split(separator: "User \"", maxSplits: 1, omittingEmptySubsequences: false)
        let user = parts.dropFirst().first?.prefix { $0 != "\"" }
        let account = user.flatMap { user in
            let parts = user.split(separator: ":")
            return parts.count == 4 && user.hasPrefix("system:serviceaccount:") ? "\(parts[2]):\(parts[3])" : nil
        }
        let subject = account.map { "--serviceaccount=\($0)" } ?? "--user=\(user ?? "NAME")"
        let binding =
            namespace.map { "rolebinding portico --namespace=\($0)" } ?? "clusterrolebinding portico"
        return "may not \(verb) \(permissionName)\(place) (403); the ClusterRole system:node-proxier allows it: "
            + "kubectl create \(binding) --clusterrole=system:node-proxier \(subject)"
    }
}
