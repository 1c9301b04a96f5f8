internal import EventLoop

/// What the proxy wants of the kernel around it, with the values that kube-proxy has.
///
/// None of it is indispensable: a container may see `/proc/sys` and `/sys` read-only, and then the node's owner has to
/// set it. So whatever cannot be done becomes a ``KernelNote``, and nothing is an error.
public struct KernelSettings: Hashable, Sendable {
    /// Tracked connections per processor; 0 leaves `nf_conntrack_max` as it is.
    public var conntrackMaxPerCore: Int
    /// At least so many in all. Without effect if `conntrackMaxPerCore` is 0.
    public var conntrackMin: Int
    /// For how long the kernel remembers a connection that is silent; zero leaves it as it is. Seconds count.
    public var tcpEstablishedTimeout: Duration
    public var tcpCloseWaitTimeout: Duration
    public var udpTimeout: Duration
    /// The same for flows that have seen answers.
    public var udpStreamTimeout: Duration
    /// Packets outside of a connection's window are not taken for invalid; false leaves it as it is.
    public var tcpBeLiberal: Bool
    /// From −1000 (never) to 1000 (first): how early the kernel kills this process when memory is short.
    public var oomScoreAdj: Int
    /// Ports to listen on: where the kernel would give them to clients it is told not to (`ip_local_reserved_ports`).
    public var listenedPorts: [ClosedRange<UInt16>] = []
    /// Rules lead what this node sends to IPv4's loopback addresses elsewhere (`route_localnet`); false leaves it as it is.
    public var routesLocalhost = false
    /// The kernel carries connections by itself, which takes forwarding.
    public var isCarrying = false

    public init(
        conntrackMaxPerCore: Int = 32_768, conntrackMin: Int = 131_072,
        tcpEstablishedTimeout: Duration = .seconds(86_400), tcpCloseWaitTimeout: Duration = .seconds(3_600),
        tcpBeLiberal: Bool = false, udpTimeout: Duration = .zero, udpStreamTimeout: Duration = .zero,
        oomScoreAdj: Int = -999
    ) {
        self.conntrackMaxPerCore = conntrackMaxPerCore
        self.conntrackMin = conntrackMin
        self.tcpEstablishedTimeout = tcpEstablishedTimeout
        self.tcpCloseWaitTimeout = tcpCloseWaitTimeout
        self.tcpBeLiberal = tcpBeLiberal
        self.udpTimeout = udpTimeout
        self.udpStreamTimeout = udpStreamTimeout
        self.oomScoreAdj = oomScoreAdj
    }

    /// No table of tracked connections is made larger than this by the product; newer kube-proxies have this limit.
    static let largestConntrackMax = 1_048_576

    /// What `nf_conntrack_max` is to be on a machine of so many processors; nil leaves it.
    ///
    /// The limit is looked at before the minimum, so with very many processors a larger `conntrackMin` does not count:
    /// so it is in kube-proxy 1.36.
    func conntrackMax(cpus: Int) -> Int? {
        guard conntrackMaxPerCore > 0 else { return nil }
        let (product, overflows) = conntrackMaxPerCore.multipliedReportingOverflow(by: cpus)
        if overflows || product > Self.largestConntrackMax { return Self.largestConntrackMax }
        return max(product, conntrackMin)
    }
}

/// Something about the kernel that is not as it should be, in words for whoever runs the node.
public struct KernelNote: Hashable, Sendable, CustomStringConvertible {
    /// What it is about, such as `the most connections that are tracked`.
    public var what: String
    public var path: String
    /// Why it could not be done, or what is wrong there.
    public var reason: String
    /// What to do about it.
    public var advice: String
    /// It was to be set and could not be; else it is only looked at, and for others to set.
    public var isRefusal = true

    public var description: String { "\(what) (\(path)): \(reason); \(advice)" }
}

extension KernelNote {
    public var isAboutLocalhost: Bool { path.hasSuffix(KernelPath.localhost) }
}

extension KernelSettings {
    /// Whether the kernel takes packets outside of a connection's window for part of it.
    public static func isLiberal(root: String = "/") -> Bool {
        let root = root.hasSuffix("/") ? root : root + "/"
        guard case .success(let text) = KernelFile.read(root + KernelPath.liberal) else { return false }
        return Int(text) ?? 0 != 0
    }

    /// Writes what differs, and returns what could not be had. Blocks for as long as it takes to write a few small
    /// files.
    ///
    /// - Parameters:
    ///   - root: the folder that `proc` and `sys` are in.
    ///   - cpus: nil counts those of the machine.
    public func apply(root: String = "/", cpus: Int? = nil) -> [KernelNote] {
        var writer = KernelWriter(root: root)
        if let wanted = conntrackMax(cpus: cpus ?? CPUTopology.count(root: root)) {
            writer.set("the most connections that are tracked", KernelPath.conntrackMax, to: wanted)
            // The kernel's own proportion. A table that is too large costs memory only, so it is never made smaller.
            writer.raise("the size of the table of connections", KernelPath.conntrackBuckets, to: wanted / 4)
        }
        let timeouts: [(String, String, Duration)] = [
            ("the timeout of established connections", "nf_conntrack_tcp_timeout_established", tcpEstablishedTimeout),
            ("the timeout of half-closed connections", "nf_conntrack_tcp_timeout_close_wait", tcpCloseWaitTimeout),
            ("the timeout of UDP flows", "nf_conntrack_udp_timeout", udpTimeout),
            ("the timeout of UDP flows with answers", "nf_conntrack_udp_timeout_stream", udpStreamTimeout),
        ]
        for (what, name, timeout) in timeouts where timeout >= .seconds(1) {
            writer.set(what, KernelPath.netfilter + name, to: Int(timeout.components.seconds))
        }
        if tcpBeLiberal {
            writer.set(
                "tolerance for packets out of window", KernelPath.liberal, to: 1)
        }
        if routesLocalhost {
            writer.set("node ports at 127.0.0.1 by rules", KernelPath.localhost, to: 1)
        }
        writer.set("the rank when memory is short", KernelPath.oomScoreAdj, to: oomScoreAdj)
        writer.reserve(listenedPorts)
        writer.expectForwarding(isCarrying)
        return writer.notes
    }
}

/// Below the root.
enum KernelPath {
    static let netfilter = "proc/sys/net/netfilter/"
    static let liberal = netfilter + "nf_conntrack_tcp_be_liberal"
    static let localhost = "proc/sys/net/ipv4/conf/all/route_localnet"
    static let conntrackMax = netfilter + "nf_conntrack_max"
    static let conntrackBuckets = "sys/module/nf_conntrack/parameters/hashsize"
    static let oomScoreAdj = "proc/self/oom_score_adj"
    /// For IPv6 too.
    static let clientPorts = "proc/sys/net/ipv4/ip_local_port_range"
    static let reservedPorts = "proc/sys/net/ipv4/ip_local_reserved_ports"
    static let forwarding = [
        ("IPv4", "proc/sys/net/ipv4/ip_forward"), ("IPv6", "proc/sys/net/ipv6/conf/all/forwarding"),
    ]
}
