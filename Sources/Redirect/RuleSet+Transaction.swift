internal import Base

extension RuleSet {
    /// Text for `iptables-restore --noflush` that turns `known` into this rule set with as few lines as possible; nil if
    /// there is nothing to do. Each table changes at once or not at all.
    ///
    /// From an empty rule set it is the whole text. Chains that `known` lacks are made, or flushed if they exist after all.
    ///
    /// - Parameters:
    ///   - known: what is there: the rule set applied last, or what was read back.
    ///   - rewriting: writes a chain anew where that takes fewer lines. Otherwise no rule goes that is to stay.
    public func transaction(from known: RuleSet, rewriting: Bool = true) -> String? {
        let names =
            tables.map(\.name) + known.tables.map(\.name).filter { name in !tables.contains { $0.name == name } }
        let texts = names.compactMap { name in self[name].transaction(from: known[name], rewriting) }
        return texts.isEmpty ? nil : texts.joined()
    }
}

extension Table {
    fileprivate func transaction(from known: Table, _ rewriting: Bool) -> String? {
        var declarations: [String] = []
        var edits: [String] = []
        let old = Dictionary(known.chains.map { ($0.name, $0.rules) }, uniquingKeysWith: { first, _ in first })
        for chain in chains {
            if let lines = old[chain.name].flatMap({ chain.edits(from: $0, rewriting) }) {
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
