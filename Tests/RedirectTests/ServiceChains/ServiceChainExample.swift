import Balancing
import Base
import Redirect
import Resolution
import TestSupport
import Testing

/// A service port with endpoints of one family.
///
/// - Parameters:
///   - endpoints: texts such as `10.244.2.3:80`.
///   - local: those of them that are on this node.
func servicePort(
    _ name: String, port: UInt16 = 80, _ transport: TransportProtocol = .tcp, at clusterIP: String,
    endpoints: [String] = [], local: Set<String> = [], hasMore: Bool = false
) throws -> ServicePort {
    let parts = name.split(whereSeparator: { "/:".contains($0) }).map(String.init)
    let list = try endpoints.map { text in
        ServiceEndpoint(address: try #require(EndpointAddress(text)), isLocal: local.contains(text))
    }
    let selection = FamilySelection(
        cluster: list, local: list.filter(\.isLocal), hasAny: hasMore || !list.isEmpty)
    let isIPv6 = ip(clusterIP).family == .ipv6
    return ServicePort(
        name: ServicePortName(namespace: parts[0], service: parts[1], port: parts.count > 2 ? parts[2] : ""),
        transport: transport, port: port, clusterIPs: [ip(clusterIP)],
        endpoints: isIPv6 ? EndpointSelection(ipv6: selection) : EndpointSelection(ipv4: selection))
}

/// The Services of a small cluster, with those that its dashboard brings.
enum ServiceChainExample {
    static let pods = ["10.244.2.3:80", "10.244.2.4:80", "10.244.1.3:80"]

    /// - Parameter count: so many endpoints of `my-service`.
    static func ports(endpoints count: Int) throws -> [ServicePort] {
        let dns = ["10.244.0.2"]
        return [
            try servicePort(
                "default/kubernetes:https", port: 443, at: "10.96.0.1", endpoints: ["192.168.58.2:8443"]),
            try servicePort(
                "kube-system/kube-dns:dns", port: 53, .udp, at: "10.96.0.10", endpoints: dns.map { "\($0):53" }),
            try servicePort(
                "kube-system/kube-dns:dns-tcp", port: 53, at: "10.96.0.10", endpoints: dns.map { "\($0):53" }),
            try servicePort(
                "kube-system/kube-dns:metrics", port: 9153, at: "10.96.0.10", endpoints: dns.map { "\($0):9153" }),
            try servicePort(
                "kubernetes-dashboard/kubernetes-dashboard", at: "10.100.128.175", endpoints: ["10.244.1.2:9090"]),
            try servicePort(
                "kubernetes-dashboard/dashboard-metrics-scraper", port: 8000, at: "10.104.59.59",
                endpoints: ["10.244.2.2:8000"]),
            try servicePort(
                "default/my-service", at: "10.109.214.77", endpoints: Array(pods.prefix(count))),
        ]
    }

    static func node() throws -> ServiceChainNode {
        ServiceChainNode(family: .ipv4, localTraffic: .range(try range("10.244.0.0/16")))
    }

    static func rules(_ ports: [ServicePort], on node: ServiceChainNode? = nil) throws -> RuleSet {
        RuleSet(serviceChains: ports, on: try node ?? Self.node())
    }
}
