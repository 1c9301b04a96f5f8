/// Which chains are Portico's or were kube-proxy's, by table and name.
///
/// The kubelet's chains (`KUBE-FIREWALL`, `KUBE-KUBELET-CANARY`, `KUBE-MARK-DROP`) are not among them.
enum KubeProxyChains {
    /// Of the nftables mode, in each family.
    static let nftablesTable = "kube-proxy"

    /// Those that Portico writes; most bear the names of the userspace mode.
    static func isOwn(_ chain: String, in table: String) -> Bool {
        TableName(rawValue: table).map { ChainName.all(in: $0).contains(chain) } ?? false
    }

    /// By it a kube-proxy of these modes finds out that tables were flushed. Portico makes none, and removes a former one.
    private static let canary = "KUBE-PROXY-CANARY"

    /// Whether a kube-proxy works here.
    static func isServedByOthers(_ saved: SavedRules) -> Bool {
        saved.tables.contains { table in table.chains.contains { $0.name == canary } }
    }

    /// Those of the iptables and IPVS modes, of all versions.
    static func isLeftover(_ chain: String, in table: String) -> Bool {
        if chain == canary { return true }
        switch table {
        case "nat": return nat.contains(chain) || natPrefixes.contains { chain.hasPrefix($0) }
        case "filter": return filter.contains(chain)
        default: return false
        }
    }

    /// The service ports' own of the iptables mode.
    static func isOfOneService(_ chain: String, in table: String) -> Bool {
        table == "nat" && natPrefixes.contains { chain.hasPrefix($0) }
    }

    /// A chain of the iptables mode, in whichever table.
    static func isOfKernelCarrier(_ chain: String) -> Bool {
        natPrefixes.contains { chain.hasPrefix($0) } || nat.contains(chain) || filter.contains(chain)
    }

    private static let nat: Set = [
        "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ",
        // IPVS
        "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER",
    ]
    private static let natPrefixes = ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-", "KUBE-XLB-"]
    private static let filter: Set = [
        "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL",
        // IPVS
        "KUBE-NODE-PORT", "KUBE-SOURCE-RANGES-FIREWALL", "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER",
    ]
}

extension SavedRules {
    /// Text for `iptables-restore --noflush` that removes chains and the jumps to them; nil if there are none.
    ///
    /// A chain that somebody else's chain leads to is left as it is, with all that it leads to itself.
    ///
    /// - Parameter isRewritten: the chain has other rules by then, which lead to none that are to be removed.
    func removal(
        asIfEmpty isRewritten: (_ chain: String, _ table: String) -> Bool = { _, _ in false },
        of isWanted: (_ chain: String, _ table: String) -> Bool
    ) -> String? {
        let texts = tables.compactMap { table -> String? in
            var doomed = Set(table.chains.filter { !$0.isBuiltIn && isWanted($0.name, table.name) }.map(\.name))
            // What others need may need more of what was doomed, so until nothing changes.
            while true {
                let others = table.chains.filter { !$0.isBuiltIn && !doomed.contains($0.name) }
                let needed = others.filter { !isRewritten($0.name, table.name) }
                    .flatMap(\.rules).compactMap(\.target)
                let left = doomed.subtracting(needed)
                if left == doomed { break }
                doomed = left
            }
            guard !doomed.isEmpty else { return nil }
            let names = table.chains.map(\.name).filter(doomed.contains)
            let jumps = table.chains.filter(\.isBuiltIn).flatMap { chain in
                chain.rules.filter { doomed.contains($0.target ?? "") }.map { "-D \(chain.name) \($0.text)" }
            }
            // To name a chain is to flush it; all are flushed before the first is removed, since they lead to each
            // other.
            let lines = names.map { ":\($0) - [0:0]" } + jumps + names.map { "-X \($0)" }
            return "*\(table.name)\n\(lines.joined(separator: "\n"))\nCOMMIT\n"
        }
        return texts.isEmpty ? nil : texts.joined()
    }
}
