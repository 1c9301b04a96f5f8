internal import Base

extension RuleSet {
    /// Text for `iptables-restore --noflush` that turns `known` into this rule set with as few lines as possible; nil if
    /// there is nothing to do. Each table changes at once or not at all.
    ///
    /// From an empty rule set it is the whole text. Chains that `known` lacks are made, or flushed if they exist after all.
    ///
    /// - Parameter known: what is there: the rule set applied last, or what was read back.
    public func transaction(from known: RuleSet) -> String? {
        let names =
            tables.map(\.name) + known.tables.map(\.name).filter { name in !tables.contains { $0.name == name } }
        let texts = names.compactMap { name in self[name].transaction(from: known[name]) }
        return texts.isEmpty ? nil : texts.joined()
    }
}

extension Table {
    fileprivate func transaction(from known: Table) -> String? {
        var declarations: [String] = []
        var edits: [String] = []
        let old = Dictionary(known.chains.map { ($0.name, $0.rules) }, uniquingKeysWith: { first, _ in first })
        for chain in chains {
            if let lines = old[chain.name].flatMap({ chain.edits(from: $0) }) {
                edits += lines
            } else {
                // With --noflush naming a chain makes it, or flushes it.
                declarations.append(":\(chain.name) - [0:0]")
                edits += chain.rules.map { "-A \(chain.name) \($0)" }
            }
        }
        // Jumps come after the chains they lead to, and go before them.
        edits += known.jumps.filter { !jumps.contains($0) }.map { "-D \($0.chain) \($0.rule)" }
        edits += jumps.filter { !known.jumps.contains($0) }.map { jump in
            "\(jump.position == .first ? "-I" : "-A") \(jump.chain) \(jump.rule)"
        }
        for chain in known.chains where !chains.contains(where: { $0.name == chain.name }) {
            declarations.append(":\(chain.name) - [0:0]")
            edits.append("-X \(chain.name)")
        }
        let lines = declarations + edits
        return lines.isEmpty ? nil : "*\(name.rawValue)\n\(lines.joined(separator: "\n"))\nCOMMIT\n"
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
    ///
    /// A portal that changed is deleted and appended as a whole. Nothing goes by number: the numbers would be wrong when
    /// somebody else has touched the chain, and iptables-nft 1.8.9 miscounts them within a transaction. A rule that is not
    /// there makes the transaction fail, and then all is read back and put right.
    fileprivate func edits(from old: [Rule]) -> [String]? {
        guard old != rules else { return [] }
        let (before, after) = (Dictionary(grouping: old, by: Portal.init), Dictionary(grouping: rules, by: Portal.init))
        func isChanged(_ rule: Rule) -> Bool {
            let portal = Portal(rule)
            return before[portal] != after[portal]
        }
        let edits =
            old.filter(isChanged).map { "-D \(name) \($0)" } + rules.filter(isChanged).map { "-A \(name) \($0)" }
        return edits.count > rules.count + 1 ? nil : edits
    }
}
