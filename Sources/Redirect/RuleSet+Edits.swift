internal import Base

extension RuleSet {
    /// Text for `iptables-restore --noflush` that turns `known` into this rule set among rules of further Services,
    /// which are not touched; nil if there is nothing to do. The chains and jumps of both are the same, and are there.
    func edits(from known: RuleSet) -> String? {
        let texts = tables.compactMap { table -> String? in
            let lines = table.chains.flatMap { $0.portalEdits(from: known[table.name][$0.name]) }
            return lines.isEmpty ? nil : "*\(table.name.rawValue)\n\(lines.joined(separator: "\n"))\nCOMMIT\n"
        }
        return texts.isEmpty ? nil : texts.joined()
    }
}

extension Chain {
    /// What several rules of a chain have in common that see the same packets: only among those does the order matter.
    private struct Portal: Hashable {
        let transport: TransportProtocol?
        let ports: ClosedRange<UInt16>?
        let destination: IPPrefix?

        init(_ rule: Rule) { (transport, ports, destination) = (rule.transport, rule.ports, rule.destination) }
    }

    /// Lines that turn rules into this chain's; nil if writing the chain anew takes fewer.
    func edits(from old: [Rule], _ rewriting: Bool) -> [String]? {
        let edits = portalEdits(from: old)
        return rewriting && edits.count > rules.count + 1 ? nil : edits
    }

    /// A portal that changed is deleted and appended as a whole. Nothing goes by number: the numbers would be wrong
    /// when somebody else has touched the chain, and iptables-nft 1.8.9 miscounts them within a transaction. A rule
    /// that is not there makes the transaction fail, and then all is read back and put right.
    fileprivate func portalEdits(from old: [Rule]) -> [String] {
        guard old != rules else { return [] }
        let (before, after) = (Dictionary(grouping: old, by: Portal.init), Dictionary(grouping: rules, by: Portal.init))
        func isChanged(_ rule: Rule) -> Bool {
            let portal = Portal(rule)
            return before[portal] != after[portal]
        }
        return old.filter(isChanged).map { "-D \(name) \($0)" } + rules.filter(isChanged).map { "-A \(name) \($0)" }
    }
}
