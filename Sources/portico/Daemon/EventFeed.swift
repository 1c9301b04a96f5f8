import Base
import KubernetesAPI
import Objects
import Status

/// Tells the cluster of what its operators, and those who wrote a Service, would look for there (docs/behaviour.md,
/// B11.5): few things, since all nodes of a cluster tell.
struct EventFeed: Sendable {
    let node: String
    let recorder: EventRecorder
    /// The uid of a Service.
    let uid: @Sendable (ObjectKey) async -> String?

    /// The daemon of this node has begun.
    func begin() {
        recorder.record(
            ClusterEvent(
                .normal, .node(node), reason: "Starting", action: "StartKubeProxy",
                note: "portico \(Version.number) serves this node's Services"))
    }

    /// Tells of every problem as it comes, until there are no more.
    func follow(_ changes: Broadcast<StatusChange>.Reader) async {
        for await item in changes {
            // What was missed while too much happened at once is not told: this is for people to notice things by, not
            // to rely on.
            guard case .event(let change) = item else { continue }
            for problem in change.problems.new {
                guard let telling = EventTelling(problem) else { continue }
                var object = ClusterEvent.Object.node(node)
                if let key = telling.service {
                    object = .service(namespace: key.namespace, name: key.name, uid: await uid(key))
                }
                recorder.record(
                    ClusterEvent(
                        .warning, object, reason: telling.reason, action: telling.action, note: "\(problem)",
                        isOfCluster: telling.isOfCluster))
            }
        }
    }
}

/// How a problem is told as an event.
struct EventTelling: Equatable {
    /// Nil if it is about the node.
    var service: ObjectKey?
    var reason: String
    var action: String
    var isOfCluster = false

    /// Nil if it is none for a cluster to know: that sources cannot be read cannot be told to them, and that a Node is
    /// missing cannot be told of it.
    init?(_ problem: Problem) {
        let service = ObjectKey(subject: problem.subject)
        switch (problem.kind, service) {
        case (.health, nil): self.init(reason: "FailedToStartProxierHealthcheck", action: "StartKubeProxy")
        case (.admin, _): self.init(reason: "FailedToStartMetricServer", action: "StartKubeProxy")
        case (.health, let service?):
            self.init(service: service, reason: "FailedToStartServiceHealthcheck", action: "Listen")
        // A program of this node has the port.
        case (.listener, let service?): self.init(service: service, reason: "FailedToOpenPort", action: "Listen")
        // What its author could mend: an address that another Service has, one that is refused, a wrong annotation.
        case (.object, let service?):
            self.init(service: service, reason: "NotServedAsWritten", action: "SyncProxyRules", isOfCluster: true)
        case (.rules, _): self.init(reason: "FailedToApplyRules", action: "SyncProxyRules")
        case (.resources, _): self.init(reason: "OutOfResources", action: "SyncProxyRules")
        case (.listener, nil), (.object, nil), (.source, _), (.node, _), (.endpoints, _): return nil
        }
    }

    private init(service: ObjectKey? = nil, reason: String, action: String, isOfCluster: Bool = false) {
        self.service = service
        self.reason = reason
        self.action = action
        self.isOfCluster = isOfCluster
    }
}

extension ObjectKey {
    /// The Service that a problem is about, from `Service shop/web`, or `shop/web:http/udp` for one of its ports.
    fileprivate init?(subject: String) {
        let isNamed = subject.hasPrefix("Service ")
        let parts = (isNamed ? subject.dropFirst("Service ".count) : subject[...]).split(
            separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let name = parts[1].split(separator: ":").first,
            !subject.dropFirst(isNamed ? "Service ".count : 0).contains(" "), !parts[0].isEmpty
        else { return nil }
        self.init(namespace: String(parts[0]), name: String(name))
    }
}
