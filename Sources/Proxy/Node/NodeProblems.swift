internal import Base
internal import Cluster
internal import Objects
internal import Redirect
internal import Resolution

extension NodeAddresses {
    /// What this node cannot do for want of an address: others would only see that nothing happens.
    ///
    /// - Parameter ports: how many service ports have addresses of a family.
    func problems(serving ports: [IPAddress.Family: Int], _ settings: NodeSettings) -> [Problem] {
        let wanted = IPAddress.Family.allCases.filter { family in
            settings.redirectedFamilies.contains(family)
                && (settings.bindAddress.map { $0.family == family } ?? true)
        }
        guard !networks.isEmpty else {
            let families = wanted.map(\.name).joined(separator: " or ")
            return [
                Problem(
                    .error, .node, subject: "this node",
                    "there are no rules, because it has no \(families) address that they could lead to; "
                        + "they follow as soon as it has one")
            ]
        }
        return wanted.filter { networks[$0] == nil }.compactMap { family in
            let count = ports[family] ?? 0
            guard count > 0 else { return nil }
            return Problem(
                .warning, .node, subject: family.name,
                "addresses of Services (\(count) ports) are not served, because this node has no "
                    + "\(family.name) address; they will be as soon as it has one")
        }
    }
}

extension NodeState {
    /// What people should know once, though all is as it was asked for.
    var warnings: [String] {
        guard settings.allowedExternalIPs == nil, sums.externalPorts > 0 else { return [] }
        return [
            "external IPs of Services are served, whichever they are: who may write a Service can have any address led to it; "
                + "--allowed-external-ips says which may be"
        ]
    }
}

extension ServicePort {
    /// What clients send to, apart from node ports.
    var addresses: [IPAddress] { clusterIPs + externalIPs + loadBalancerIPs }
}

extension IPAddress.Family {
    fileprivate var name: String { self == .ipv4 ? "IPv4" : "IPv6" }
}

extension ClusterStore {
    /// Signs that this node is called something else: then none of its endpoints is known to be here, and nothing
    /// fails.
    func problems(ofNode name: String) -> [Problem] {
        guard node(name) == nil else { return [] }
        guard nodeNames.isEmpty else {
            return [
                Problem(
                    .error, .node, subject: "Node \(name)",
                    "there is no such Node, but \(Self.list(nodeNames)); set --hostname-override to the name of this one"
                )
            ]
        }
        // Without Nodes the endpoints have to do. A node may have none of them yet, so this is only a warning.
        guard !endpointNodes.isEmpty, !hasEndpoints(onNode: name) else { return [] }
        return [
            Problem(
                .warning, .node, subject: "Node \(name)",
                "no endpoint is on it, but on \(Self.list(endpointNodes)); if this node has another name, set --hostname-override"
            )
        ]
    }

    private static func list(_ names: some Collection<String>) -> String {
        let shown = names.sorted().prefix(3)
        let rest = names.count - shown.count
        guard rest == 0 else { return shown.joined(separator: ", ") + " and \(rest) more" }
        return (shown.count > 1 ? shown.dropLast().joined(separator: ", ") + " and " : "") + (shown.last ?? "")
    }
}
