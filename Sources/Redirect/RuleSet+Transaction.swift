internal import Base

extension RuleSet {
    /// Text for `iptables-restore --noflush` that turns `known` into this rule set with as few lines as possible; nil
    /// if there is nothing to do. Each table changes at once or not at all.
    ///
    /// From an empty rule set it is the whole text. Chains that `known` lacks are made, or flushed if they exist after
    /// all.
    ///
    /// - Parameters:
    ///   - known: what is there: the rule set applied last, or what was read back.
    ///   - rewriting: writes a chain anew where that takes fewer lines. Otherwise no rule goes that is to stay.
    public func transaction(from known: RuleSet, rewriting: Bool = true) -> String? {
        let names =
            tables.map(\.name) + known.tables.map(\.name).filter { name in !tables.contains { $0.name == name } }
        var text = ""
        for name in names { self[name].writeTransaction(from: known[name], rewriting, to: &text) }
        return text.isEmpty ? nil : text
    }
}

extension Table {
    /// Written at once into one text, which may have megabytes.
    fileprivate func writeTransaction(from known: Table, _ rewriting: Bool, to text: inout String) {
        let old = Dictionary(known.chains.map { ($0.name, $0.rules) }, uniquingKeysWith: { first, _ in first })
        // Nil where the chain is written anew.
        let edits = chains.map { chain in old[chain.name].flatMap { chain.edits(from: $0, rewriting) } }
        let (lost, added) = (known.jumps.filter { !jumps.contains($0) }, jumps.filter { !known.jumps.contains($0) })
        let names = Set(chains.map(\.name))
        let gone = known.chains.map(\.name).filter { !names.contains($0) }
        guard edits.contains(where: { $0?.isEmpty != true }) || !lost.isEmpty || !added.isEmpty || !gone.isEmpty else {
            return
        }
        text += "*\(name.rawValue)\n"
        // With --noflush naming a chain makes it, or flushes it.
        for name in zip(chains, edits).filter({ $0.1 == nil }).map(\.0.name) + gone { text += ":\(name) - [0:0]\n" }
        for (chain, lines) in zip(chains, edits) {
            if let lines {
                for line in lines { text += "\(line)\n" }
            } else {
                for rule in chain.rules { rule.write(to: &text, after: "-A \(chain.name) ") }
            }
        }
        // Jumps come after the chains they lead to, and go before them.
        for jump in lost { jump.rule.write(to: &text, after: "-D \(jump.chain) ", isJump: true) }
        for jump in added {
            let command = jump.position == .first ? "-I" : "-A"
            jump.rule.write(to: &text, after: "\(command) \(jump.chain) ", isJump: true)
        }
        for name in gone { text += "-X \(name)\n" }
        text += "COMMIT\n"
    }
}
