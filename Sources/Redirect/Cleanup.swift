internal import Base

/// Removes from this host all that Portico, or a former kube-proxy in any mode, has put into the kernel
/// (docs/behaviour.md, B9.11).
///
/// The host may have changed its mode, its kind of iptables or its families since, so it looks everywhere and goes on
/// after errors. It removes only what it has seen to be there.
public enum Cleanup {
    public struct Report: Sendable {
        /// What was removed, in words.
        public var removed: [String] = []
        /// What could not be done; all else was.
        public var errors: [RedirectError] = []
    }

    /// Blocks while the programs run.
    ///
    /// - Parameter sparesKubeProxy: removes what is Portico's alone, for a kube-proxy serves this node.
    public static func run(
        sparesKubeProxy: Bool = false, searchPath: [String] = Iptables.defaultSearchPath
    ) -> Report {
        var report = Report()
        func attempt(_ body: () throws(RedirectError) -> Void) {
            do { try body() } catch { report.errors.append(error) }
        }
        let host = Iptables(variant: nil, searchPath: searchPath)
        for family in IPAddress.Family.allCases {
            for kind in host.installedVariants(family) {
                attempt { () throws(RedirectError) in
                    let firewall = Firewall(iptables: kind, family: family)
                    let saved = try firewall.save()
                    let text = saved.removal { chain, table in
                        KubeProxyChains.isOwn(chain, in: table)
                            || !sparesKubeProxy && KubeProxyChains.isLeftover(chain, in: table)
                    }
                    guard let text else { return }
                    try firewall.restore(text)
                    report.removed.append("chains of \(kind.program(.save, family).replacing("-save", with: ""))")
                    let flows = saved.ledFlows(family)
                    do throws(SystemError) { try firewall.forget(flows) } catch { throw .flowsRemain(code: error.code) }
                }
            }
        }
        for family in IPAddress.Family.allCases {
            attempt { () throws(RedirectError) in
                guard try PolicyRoute(family, searchPath: searchPath).remove() else { return }
                report.removed.append("the policy route of \(family == .ipv4 ? "IPv4" : "IPv6")")
            }
        }
        if sparesKubeProxy { return report }
        for family in IPAddress.Family.allCases {
            attempt { () throws(RedirectError) in
                guard try Firewall(iptables: host, family: family).removeKubeProxyTable() else { return }
                report.removed.append(
                    "nftables table \(family == .ipv4 ? "ip" : "ip6") \(KubeProxyChains.nftablesTable)")
            }
        }
        attempt { () throws(RedirectError) in
            if try Leftover.ipvs.remove(host) { report.removed.append(Leftover.ipvs.name) }
        }
        return report
    }
}

/// Something outside iptables that a mode of kube-proxy makes: how to see it, and how to remove it.
private struct Leftover {
    let name: String
    /// Ends with 0 if it is there.
    let look: [String]
    let removals: [[String]]

    /// The interface is what IPVS mode alone makes, so nobody else's virtual servers are taken away without it.
    static let ipvs = Leftover(
        name: "IPVS virtual servers and the interface kube-ipvs0", look: ["ip", "link", "show", "kube-ipvs0"],
        removals: [["ipvsadm", "--clear"], ["ip", "link", "delete", "kube-ipvs0"]])

    /// - Returns: whether it was there.
    func remove(_ host: Iptables) throws(RedirectError) -> Bool {
        // Without the program that would show it, it was hardly made on this host.
        guard let path = host.path(look[0]) else { return false }
        guard try Command(path: path, arguments: Array(look.dropFirst())).runForRules().status == 0 else {
            return false
        }
        for words in removals {
            guard let path = host.path(words[0]) else { throw .notInstalled(program: words[0]) }
            let command = Command(path: path, arguments: Array(words.dropFirst()))
            let result = try command.runForRules()
            guard result.status == 0 else {
                throw .refused(program: command.program, status: result.status, message: result.message, excerpt: "")
            }
        }
        return true
    }
}
