internal import Base

extension Chain {
    /// What several rules of a chain have in common that see the same packets: only among those does the order matter.
    private struct Portal: Hashable {
        let transport: TransportProtocol?
        let ports: ClosedRange<UInt16>?
        let destination: IPPrefix?

        init(_ rule: Rule) { (transport, ports, destination) = (rule.transport, rule.ports, rule.destination) }
    }

    /// Lines that turn rules into this chain's; nil if the chain is to be written anew: where that takes fewer, or is the
    /// only way.
    func edits(from old: [Rule], _ rewriting: Bool) -> [String]? {
        if old == rules { return [] }
        guard isShared, old.suffix(tail) == rules.suffix(tail) else { return nil }
        let edits = portalEdits(from: old)
        return rewriting && edits.count > rules.count + 1 ? nil : edits
    }

    /// A portal that changed is deleted and added as a whole. Nothing goes by number: the numbers would be wrong
    /// when somebody else has touched the chain, and iptables-nft 1.8.9 miscounts them within a transaction. A rule
    /// that is not there makes the transaction fail, and then all is read back and put right.
    private func portalEdits(from old: [Rule]) -> [String] {
        let (before, after) = (Dictionary(grouping: old, by: Portal.init), Dictionary(grouping: rules, by: Portal.init))
        func isChanged(_ rule: Rule) -> Bool {
            let portal = Portal(rule)
            return before[portal] != after[portal]
        }
        let (lost, added) = (old.filter(isChanged), rules.filter(isChanged))
        // What has to stand at the end stays there: then each is put at the beginning, the first one last.
        let lines = tail > 0 ? added.reversed().map { "-I \(name) \($0)" } : added.map { "-A \(name) \($0)" }
        return lost.map { "-D \(name) \($0)" } + lines
    }
}
