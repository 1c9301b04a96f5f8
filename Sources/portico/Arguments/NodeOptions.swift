import ArgumentParser
import Base
import Glibc
import Manifests
import Proxy

/// Which node is served and how its traffic is led to the proxy; shared by `daemon` and `render`. Names and meanings
/// are those of kube-proxy, so that the arguments of a unit file or a DaemonSet go on working.
struct NodeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The name of this node, as endpoints have it in nodeName. (default: the host name)", valueName: "name"))
    var hostnameOverride: String?

    @Option(
        help: ArgumentHelp(
            "The one address that redirected traffic comes to. (default: 0.0.0.0, which means all, IPv6 ones too)",
            valueName: "address"),
        transform: { text in
            guard let address = IPAddress(text) else { throw ArgumentError("'\(text)' is not an IP address") }
            guard !address.isLoopback else {
                throw ArgumentError("'\(text)': packets from elsewhere cannot be led to a loopback address")
            }
            return address
        })
    var bindAddress: IPAddress?

    @Option(
        help: ArgumentHelp(
            "The ports to listen on for redirected traffic. (default: \(ProxyPortRange.standard))",
            discussion:
                "Best outside the node ports and net.ipv4.ip_local_port_range, as the default is. Where that range "
                + "has them too, they are added to net.ipv4.ip_local_reserved_ports.",
            valueName: "first-last"),
        transform: { text in
            guard let range = ProxyPortRange(text) else {
                throw ArgumentError("'\(text)' is not a range of ports, such as 20000-29999")
            }
            return range
        })
    var proxyPortRange = ProxyPortRange.standard

    @Option(
        help: ArgumentHelp(
            "The API server's --service-node-port-range: no proxy port is taken from it. (default: 30000-32767)",
            valueName: "first-last"),
        transform: { text in
            guard let range = ProxyPortRange(text) else {
                throw ArgumentError("'\(text)' is not a range of ports, such as 30000-32767")
            }
            return range.ports
        })
    var serviceNodePortRange = ProxyPortRange.standardNodePorts

    @Option(
        help: ArgumentHelp(
            "The addresses that take node ports: ranges, or the words primary, localhost and all. (default: all)",
            valueName: "list"),
        transform: { text in
            guard let addresses = NodePortAddresses(text.split(separator: ",").map(String.init)) else {
                throw ArgumentError("'\(text)' is not a list of ranges such as 192.168.0.0/16, or primary")
            }
            return addresses
        })
    var nodeportAddresses = NodePortAddresses.all

    @Option(
        help: ArgumentHelp(
            "What endpoints see as their client: this node, or with preserve the client itself, where that is possible.",
            discussion: "It is for endpoints of this node; docs/source-address.md says when it works.",
            valueName: "default|preserve"))
    var sourceIp = SourceAddress.default

    enum SourceAddress: String, ExpressibleByArgument, CaseIterable {
        case `default`, preserve
    }

    @Option(
        help: ArgumentHelp(
            "Where pods have their addresses, one range per family. (default: podCIDRs of the Node)",
            valueName: "ranges"),
        transform: { text in
            let ranges = try text.split(separator: ",").map { part in
                guard let range = IPPrefix(part) else {
                    throw ArgumentError("'\(part)' is not a range such as 10.244.0.0/16")
                }
                return range
            }
            for family in IPAddress.Family.allCases where ranges.count(where: { $0.family == family }) > 1 {
                throw ArgumentError(
                    "'\(text)' has more than one range of IPv\(family.rawValue); a node's pods have one of each family")
            }
            return ranges
        })
    var clusterCidr: [IPPrefix] = []

    @OptionGroup var externalAddresses: ExternalAddressOptions

    func validate() throws {
        guard !proxyPortRange.ports.allSatisfy(serviceNodePortRange.contains) else {
            throw ValidationError("--proxy-port-range: all of \(proxyPortRange) are node ports")
        }
        guard !nodeName.isEmpty else {
            throw ValidationError("the name of this node is empty; set --hostname-override")
        }
    }

    /// Lower case and without blanks, as kube-proxy has it.
    var nodeName: String {
        let given = hostnameOverride.flatMap { $0.isEmpty ? nil : $0 }
        return (given ?? Self.hostName).lowercased().split(whereSeparator: \.isWhitespace).joined()
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var settings: NodeSettings {
        var settings = NodeSettings(nodeName: nodeName)
        settings.bindAddress = bindAddress.flatMap { $0.isUnspecified ? nil : $0 }
        settings.proxyPorts = proxyPortRange
        settings.nodePorts = serviceNodePortRange
        settings.nodePortAddresses = nodeportAddresses
        settings.clusterRanges = clusterCidr
        settings.allowedExternalIPs = externalAddresses.allowed
        settings.preservesSource = sourceIp == .preserve
        return settings
    }
}
