/// The names that Portico gives its chains.
///
/// Those of kube-proxy's userspace mode are kept: whoever looks after a node knows them, and rules that a
/// former kube-proxy has left behind are taken over rather than doubled.
public enum ChainName {
    // "Container" is what arrives from interfaces, of pods and other machines alike; "host" is what this host sends.
    public static let portalsContainer = "KUBE-PORTALS-CONTAINER"
    public static let portalsHost = "KUBE-PORTALS-HOST"
    public static let nodePortContainer = "KUBE-NODEPORT-CONTAINER"
    public static let nodePortHost = "KUBE-NODEPORT-HOST"
    public static let nodePortNonLocal = "KUBE-NODEPORT-NON-LOCAL"
    // The userspace mode guarded and refused nothing, so these have no name there.
    public static let proxyPorts = "PORTICO-PROXY-PORTS"
    public static let refuseContainer = "PORTICO-REFUSE-CONTAINER"
    public static let refuseHost = "PORTICO-REFUSE-HOST"

    /// Marks what is for the proxy although it is addressed to a client (``NodeRedirection/preservesSource``).
    public static let transparent = "PORTICO-TRANSPARENT"

    static let nat = [portalsContainer, portalsHost, nodePortContainer, nodePortHost]
    static let filter = [nodePortNonLocal, proxyPorts, refuseContainer, refuseHost]
    static let mangle = [transparent]

    /// All chains that Portico may make in a table.
    static func all(in table: TableName) -> [String] {
        switch table {
        case .filter: filter
        case .nat: nat
        case .mangle: mangle
        }
    }
}

extension Jump {
    private static let portalsComment = "handle ClusterIPs; NOTE: this must be before the NodePort rules"
    private static let nodePortsComment =
        "handle service NodePorts; NOTE: this must be the last rule in the chain"
    private static let nonLocalComment = "Ensure that non-local NodePort traffic can flow"
    private static let transparentComment = "Lead answers to the proxy that it asked for from the address of a client"
    private static let refuseComment = "Refuse what has no endpoints or is not allowed"

    /// Portals come before node ports: where the addresses of load balancers are local, a node port of the same number
    /// would take their traffic.
    static let nat = [
        Jump(in: "PREROUTING", .first, Rule(comment: portalsComment, target: .jump(ChainName.portalsContainer))),
        Jump(in: "OUTPUT", .first, Rule(comment: portalsComment, target: .jump(ChainName.portalsHost))),
        Jump(in: "PREROUTING", .last, nodePorts(ChainName.nodePortContainer)),
        Jump(in: "OUTPUT", .last, nodePorts(ChainName.nodePortHost)),
    ]

    static let filter = [
        Jump(in: "INPUT", .first, Rule(comment: nonLocalComment, target: .jump(ChainName.nodePortNonLocal))),
        refusal(in: "INPUT", ChainName.refuseContainer),
        refusal(in: "FORWARD", ChainName.refuseContainer),
        refusal(in: "OUTPUT", ChainName.refuseHost),
    ]

    /// First, since others end the way of what belongs to connections that are known.
    static let mangle = [
        Jump(in: "PREROUTING", .first, Rule(comment: transparentComment, target: .jump(ChainName.transparent)))
    ]

    /// All jumps that Portico may make in a table.
    static func all(in table: TableName) -> [Jump] {
        switch table {
        case .filter: filter
        case .nat: nat
        case .mangle: mangle
        }
    }

    private static func nodePorts(_ chain: String) -> Rule {
        Rule(comment: nodePortsComment, isToLocalAddress: true, target: .jump(chain))
    }

    /// New ones only, so that the packets of established connections are spared the search.
    private static func refusal(in chain: String, _ own: String) -> Jump {
        Jump(in: chain, .first, Rule(comment: refuseComment, isForNewOnly: true, target: .jump(own)))
    }
}
