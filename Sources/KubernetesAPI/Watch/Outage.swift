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
    /// The server answered, and it happened soon after that: that it answers again does not end it.
    var isRecurring = false
    /// A stream that breaks is not worth a word, if the next attempt succeeds.
    var isWorthTelling = true
}

extension WatchedResource {
    /// What is missing, and the command that gives it, where the server's words tell that one would.
    func missingPermission(to verb: String, _ status: APIStatus) -> String {
        let finding = "may not \(verb) \(permissionName)\(place) (403"
        let words = status.message.isEmpty ? "" : ": \(status.message)"
        // Something on the way may have refused it, and then no command helps.
        guard let user = Self.user(status) else {
            return "\(finding)\(words)); the ClusterRole system:node-proxier allows it"
        }
        // Everybody who can reach the server would get what this one gets.
        guard user != "system:anonymous" else {
            return
                "\(finding)): the API server does not know who asks; give it the credentials of a user in the kubeconfig"
        }
        if status.message.contains("cannot impersonate") { return "\(finding)\(words))" }
        let parts = user.split(separator: ":")
        let account =
            parts.count == 4 && user.hasPrefix("system:serviceaccount:") ? "\(parts[2]):\(parts[3])" : nil
        let subject = account.map { "--serviceaccount=\($0)" } ?? "--user=\(user)"
        let binding =
            namespace.map { "rolebinding portico --namespace=\($0)" } ?? "clusterrolebinding portico"
        return "\(finding)); the ClusterRole system:node-proxier allows it: "
            + "kubectl create \(binding) --clusterrole=system:node-proxier \(subject)"
    }

    /// Whom the server took the request for; nil if it does not say, and NAME where its words are not to stand in a
    /// command: people copy it into a shell.
    private static func user(_ status: APIStatus) -> String? {
        let parts = status.message.split(separator: "User \"", maxSplits: 1, omittingEmptySubsequences: false)
        guard let user = parts.dropFirst().first?.prefix(while: { $0 != "\"" }) else { return nil }
        let isPlain = user.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: ":@._-".utf8.contains(byte)
            }
        }
        return isPlain && !user.isEmpty ? String(user) : "NAME"
    }
}
