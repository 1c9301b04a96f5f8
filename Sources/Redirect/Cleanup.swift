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
    public static func run(searchPath: [String] = Iptables.defaultSearchPath) -> Report {
        var report = Report()
        func attempt(_ body: () throws(RedirectError) -> Void) {
            do { try body() } catch { report.errors.append(error) }
        }
        let host = Iptables(variant: nil, searchPath: searchPath)
        for family in IPAddress.Family.allCases {
            for kind in host.installedVariants(family) {
                attempt { () throws(RedirectError) in
                    let firewall = Firewall(iptables: kind, family: family)
                    let text = try firewall.save().removal { chain, table in
                        KubeProxyChains.isOwn(chain, in: table) || KubeProxyChains.isLeftover(chain, in: table)
                    }
                    guard let text else { return }
                    try firewall.restore(text)
                    report.removed.append("chains of \(kind.program(.save, family).replacing("-save", with: ""))")
                }
            }
        }
        for family in IPAddress.Family.allCases {
            attempt { () throws(RedirectError) in
                guard try PolicyRoute(family, searchPath: searchPath).remove() else { return }
                report.removed.append("the policy route of \(family == .ipv4 ? "IPv4" : "IPv6")")
            }
        }
        for leftover in Leftover.all {
            attempt { () throws(RedirectError) in
                if try leftover.remove(host) { report.removed.append(leftover.name) }
            }
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

    static let all = [
        nftables("ip"), nftables("ip6"),
        // The interface is what IPVS mode alone makes, so nobody else's virtual servers are taken away without it.
        Leftover(
            name: "IPVS virtual servers and the interface kube-ipvs0", look: ["ip", "link", "show", "kube-ipvs0"],
            removals: [["ipvsadm", "--clear"], ["ip", "link", "delete", "kube-ipvs0"]]),
    ]

    private static func nftables(_ family: String) -> Leftover {
        Leftover(
            name: "nftables table \(family) kube-proxy", look: ["nft", "list", "table", family, "kube-proxy"],
            removals: [["nft", "delete", "table", family, "kube-proxy"]])
    }

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
