/// What a cluster state comes down to on one node.
public struct Resolution: Hashable, Sendable {
    /// In the order of their names.
    public var ports: [ServicePort]
    /// What was left out and why, in the order of the Services.
    public var notes: [ResolutionNote]

    public init(ports: [ServicePort] = [], notes: [ResolutionNote] = []) {
        self.ports = ports
        self.notes = notes
    }
}

/// Something a person may want to know: a Service or a part of one that is not served as written.
public struct ResolutionNote: Hashable, Sendable, CustomStringConvertible {
    public enum Level: Hashable, Sendable {
        /// As intended: a headless Service, for instance.
        case info
        /// Probably a mistake.
        case warning
        /// Refused, since it would endanger the node: something is not served until somebody changes the object.
        case refusal
    }

    public var level: Level
    /// Such as `Service default/web` or `EndpointSlice default/web-x7k2p`.
    public var subject: String
    public var text: String

    public init(_ level: Level, subject: String, text: String) {
        self.level = level
        self.subject = subject
        self.text = text
    }

    /// `Service default/web: headless, not proxied`.
    public var description: String { "\(subject): \(text)" }
}

/// The node and the habits to resolve for.
public struct ResolutionContext: Hashable, Sendable {
    /// Compared with endpoints' node names, case-sensitive. Nil, away from any cluster, makes every endpoint
    /// local: a developer's machine is the only node there is.
    public var nodeName: String?
    /// Nil takes the zone from the Node object of that name, if the state has it.
    public var zone: String?
    /// Whether Services without a cluster IP are served. An API server always assigns one, so it is no on a node; in a
    /// hand-written manifest it is mostly missing.
    public var servesUnassigned: Bool
    /// The `service-proxy-name` label value that is meant for this proxy; nil serves Services without the label.
    public var serviceProxyName: String?
    /// What a node must not let objects do to it; nil on a developer's machine, whose owner writes them.
    public var safety: NodeSafety?
    /// Whether somebody asks for the endpoints that the names of headless Services stand for.
    public var resolvesHeadless: Bool
    /// Whether service ports without endpoints say why they have none.
    public var explainsAbsence: Bool
    /// Whether pods and workloads would be known if there were any. Of a cluster they are not read: it makes
    /// EndpointSlices of them.
    public var knowsPods: Bool
    /// Whether Services that have no endpoints get pods that are played.
    public var playsPods: Bool

    public init(
        nodeName: String? = nil, zone: String? = nil, servesUnassigned: Bool = false, serviceProxyName: String? = nil,
        safety: NodeSafety? = nil, resolvesHeadless: Bool = false, explainsAbsence: Bool = false,
        knowsPods: Bool = true, playsPods: Bool = false
    ) {
        self.nodeName = nodeName
        self.zone = zone
        self.servesUnassigned = servesUnassigned
        self.serviceProxyName = serviceProxyName
        self.safety = safety
        self.resolvesHeadless = resolvesHeadless
        self.explainsAbsence = explainsAbsence
        self.knowsPods = knowsPods
        self.playsPods = playsPods
    }
}
