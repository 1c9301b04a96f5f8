import Base
import Objects
import Proxy

/// What a daemon of a cluster makes of its own Node, which may come late, change and go (docs/behaviour.md, B10.8). A
/// value: whoever has it says what the time is.
struct NodeIdentity {
    /// How long the Node may have no addresses until people are told.
    static let addressPatience = Duration.seconds(30)
    /// How long it may have no ranges for its pods, if they are all that pods are known by.
    static let podRangePatience = Duration.seconds(300)

    let name: String
    /// Pods are known by the ranges of the Node and by nothing else (`--detect-local-mode NodeCIDR`).
    let needsPodRanges: Bool
    /// Nodes can be read: that there is none says something.
    var isReadable = true

    private var node: Node?
    private var hasBeenSeen = false
    private var isOverdue = false
    /// Those that it had last; empty before the first.
    private var addresses: [IPAddress] = []
    private var podRanges: [String] = []
    /// Why the daemon has to end, if it has to.
    private(set) var reasonToEnd: String?

    init(_ name: String, needsPodRanges: Bool) {
        self.name = name
        self.needsPodRanges = needsPodRanges
    }

    /// Whether a Node that is not there means that there is none.
    var knowsNodes: Bool { isReadable || hasBeenSeen }

    /// Adds to what is served what is known of the Node.
    ///
    /// - Returns: what people should know of a change of it, if anything.
    mutating func update(_ served: inout NodeProxy.Served) -> String? {
        let news = update(served.node)
        served.problems += problems
        served.knowsNodes = served.knowsNodes || knowsNodes
        return news
    }

    /// The Node as it is now; nil if there is none.
    ///
    /// - Returns: what people should know of that, if anything.
    mutating func update(_ node: Node?) -> String? {
        self.node = node
        guard let node else { return nil }
        hasBeenSeen = true
        if needsPodRanges, !node.spec.podCIDRs.isEmpty {
            if podRanges.isEmpty { podRanges = node.spec.podCIDRs }
            if podRanges != node.spec.podCIDRs {
                reasonToEnd =
                    "the podCIDRs of Node \(name) are \(Self.list(node.spec.podCIDRs)) now and were \(Self.list(podRanges)): with "
                    + "--detect-local-mode NodeCIDR this ends the daemon, to be started anew"
            }
        }
        let before = addresses
        guard !node.addresses.isEmpty, node.addresses != before else { return nil }
        addresses = node.addresses
        if before.isEmpty { return nil }
        return
            "the addresses of Node \(name) are \(Self.list(addresses)) now and were \(Self.list(before)); rules follow"
    }

    /// ``addressPatience`` is over.
    mutating func addressesAreDue() { isOverdue = true }

    /// ``podRangePatience`` is over.
    mutating func podRangesAreDue() {
        guard needsPodRanges, podRanges.isEmpty, reasonToEnd == nil else { return }
        reasonToEnd =
            "Node \(name) has got no podCIDRs in \(Self.podRangePatience.components.seconds / 60) minutes, and "
            + "--detect-local-mode NodeCIDR needs them; see that the cluster allocates them, or use --cluster-cidr"
    }

    /// What is missing, for as long as it is.
    var problems: [Problem] {
        // That it may not be read has been told.
        guard isOverdue, knowsNodes else { return [] }
        guard let node else {
            return [
                problem(
                    "the cluster has no such Node: no endpoint counts as local, and /healthz says 503; if this node has another "
                        + "name, set --hostname-override")
            ]
        }
        var problems: [Problem] = []
        if node.addresses.isEmpty {
            problems.append(problem("it has no addresses yet; those of this machine are used"))
        }
        if needsPodRanges, node.spec.podCIDRs.isEmpty {
            problems.append(problem("it has no podCIDRs, which --detect-local-mode NodeCIDR needs"))
        }
        return problems
    }

    private func problem(_ text: String) -> Problem { Problem(.error, .node, subject: "Node \(name)", text) }

    private static func list(_ items: [some CustomStringConvertible]) -> String {
        items.map(\.description).joined(separator: ", ")
    }
}
