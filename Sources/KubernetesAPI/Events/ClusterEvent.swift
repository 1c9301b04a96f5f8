/// Something that people should see beside an object of the cluster, as `kubectl describe` shows it (docs/behaviour.md,
/// B14.8).
public struct ClusterEvent: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    /// The object that it is about.
    public struct Object: Hashable, Sendable {
        public var kind: String
        /// Empty for a Node.
        public var namespace: String
        public var name: String
        /// Nil if it is not known; `kubectl describe` then does not show the event.
        public var uid: String?

        /// By their name, as kubelet and kube-proxy have it: `kubectl describe node` looks for that too.
        public static func node(_ name: String) -> Object {
            Object(kind: "Node", namespace: "", name: name, uid: name)
        }

        public static func service(namespace: String, name: String, uid: String?) -> Object {
            Object(kind: "Service", namespace: namespace, name: name, uid: uid)
        }
    }

    public var kind: Kind
    public var regarding: Object
    /// Why, as one word for programs: `Starting`.
    public var reason: String
    /// What was being done, as one word for programs.
    public var action: String
    /// For people. An API server takes 1,024 bytes; what is longer is cut off.
    public var note: String
    /// Every node finds the same: the first to say so is enough, and others meet its event there.
    public var isOfCluster: Bool

    public init(
        _ kind: Kind, _ regarding: Object, reason: String, action: String, note: String, isOfCluster: Bool = false
    ) {
        self.kind = kind
        self.regarding = regarding
        self.reason = reason
        self.action = action
        self.note = note
        self.isOfCluster = isOfCluster
    }
}
