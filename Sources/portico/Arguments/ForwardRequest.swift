import Base
import Objects

/// Something to forward to, as the command line names it: `service/my-service 10000:80 443`.
struct ForwardRequest: Hashable, Sendable {
    /// A Service, a Pod, or what makes pods.
    let kind: ObjectKind
    let name: String
    var ports: [ForwardPort] = []

    /// All of them: a word with a slash begins the next, and the words behind it are its ports.
    ///
    /// - Parameter words: the first one is the name of a Pod if it has no slash.
    static func parse(_ words: [String]) throws(ArgumentError) -> [ForwardRequest] {
        var requests: [ForwardRequest] = []
        for word in words {
            if requests.isEmpty || word.contains("/") {
                requests.append(try ForwardRequest(word))
            } else {
                requests[requests.count - 1].ports.append(try ForwardPort(word))
            }
        }
        // One that is named again has more ports.
        requests = requests.reduce(into: []) { merged, request in
            if let index = merged.firstIndex(where: { $0.kind == request.kind && $0.name == request.name }),
                !request.ports.isEmpty
            {
                merged[index].ports += request.ports
            } else {
                merged.append(request)
            }
        }
        guard !requests.isEmpty else { throw ArgumentError("nothing to forward to: name it, as service/my-service") }
        for request in requests where request.ports.isEmpty {
            throw ArgumentError("\(request): at least one port is needed, as \(request) 8080:80")
        }
        return requests
    }

    private init(_ word: String) throws(ArgumentError) {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let last = parts.last, ObjectName.subdomain.admits(String(last)) else {
            throw ArgumentError("'\(word)' is not TYPE/NAME, as service/my-service, nor the name of a pod")
        }
        name = String(last)
        guard parts.count == 2 else {
            kind = .pod
            return
        }
        // With its group, as in deployment.apps/web.
        let type = parts[0].prefix { $0 != "." }.lowercased()
        guard let kind = Self.kinds[type] else {
            throw ArgumentError(
                "'\(parts[0])' has no pods: service, pod, deployment, statefulset, daemonset, replicaset or job")
        }
        self.kind = kind
    }

    private static let kinds: [String: ObjectKind] = {
        let names: [(ObjectKind, [String])] = [
            (.service, ["svc"]), (.pod, ["po"]), (.deployment, ["deploy"]), (.statefulSet, ["sts"]),
            (.daemonSet, ["ds"]), (.replicaSet, ["rs"]), (.job, []),
        ]
        return Dictionary(
            uniqueKeysWithValues: names.flatMap { kind, short in
                let name = kind.rawValue.lowercased()
                return ([name, name + "s"] + short).map { ($0, kind) }
            })
    }()
}

extension ForwardRequest: CustomStringConvertible {
    var description: String { "\(kind.rawValue.lowercased())/\(name)" }
}

/// `[LOCAL:]REMOTE`.
struct ForwardPort: Hashable, Sendable {
    /// 0 for any that is free; nil for the same as the remote one.
    let local: UInt16?
    let remote: ServiceReference.Port

    init(_ word: String) throws(ArgumentError) {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let last = parts.last else {
            throw ArgumentError("'\(word)' is not [LOCAL:]REMOTE, as 8080:80")
        }
        guard last != "0" else { throw ArgumentError("'\(word)': remote port must be > 0") }
        do throws(ArgumentError) {
            guard !last.contains("/") else { throw ArgumentError("") }
            (remote, _) = try ServiceReference.parsePort(last)
        } catch {
            throw ArgumentError("'\(word)': '\(last)' is not a port: 1 to 65535, or its name")
        }
        guard parts.count == 2 else {
            local = nil
            return
        }
        guard let local = parts[0].isEmpty ? 0 : parsePort(parts[0]) else {
            throw ArgumentError("'\(word)': '\(parts[0])' is not a port of this machine: 0 to 65535")
        }
        self.local = local
    }
}

extension ForwardPort {
    /// Nil for a name.
    var remoteNumber: UInt16? { if case .number(let number) = remote { number } else { nil } }
}
