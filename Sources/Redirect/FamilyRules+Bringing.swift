internal import Base
internal import Objects

extension FamilyRules {
    /// Brings the firewall to what all Services are to have.
    ///
    /// - Throws: what has nothing to do with any one service port.
    func bring(to writer: RuleWriter, checking: Bool) throws(RedirectError) {
        let isRouted = stage.inForce?.writer.node.preservesSource
        // The route before the rules that need it, and after those that needed it.
        if writer.node.preservesSource, isRouted != true || checking, try policyRoute.apply() { work.applied() }
        let before = refused
        if checking {
            try look(writer)
        } else {
            try follow(writer)
        }
        // What was refused by then may be taken by now, whatever was wrong with it.
        if checking, !before.isEmpty, refused == before { try retryRefused(writer) }
        // One that is not wanted was removed at the start, and nobody else makes it.
        if !writer.node.preservesSource, isRouted != false, try policyRoute.remove() { work.applied() }
    }

    /// Goes by what is there, and not by what is known.
    func look(_ writer: RuleWriter) throws(RedirectError) {
        let known = stage.mayHaveLeftovers ? nil : stage.inForce
        switch try firewall.look(since: known?.fingerprint) {
        case .read(let saved, let fingerprint):
            try replace(saved, fingerprint, writer)
        case .untouched(let fingerprint):
            if var known {
                known.fingerprint = fingerprint
                stage.follow(known)
            }
            try follow(writer)
        }
    }

    /// Carries out what has changed since the rules were made that are in force.
    private func follow(_ writer: RuleWriter) throws(RedirectError) {
        do {
            try followOnce(writer)
        } catch RedirectError.refused {
            // The transaction was made for a firewall that somebody else may have changed since. For the one that is
            // there now it is made anew; what is wrong for other reasons fails again.
            try look(writer)
        }
    }

    /// The same, without another attempt where it is refused.
    func followOnce(_ writer: RuleWriter) throws(RedirectError) {
        guard let known = stage.inForce else { return try look(writer) }
        if known.former.isEmpty, known.writer.writesAll(like: writer) { return }
        guard let transaction = difference(writer, known) else {
            return stage.follow(RulesInForce(writer, known.fingerprint))
        }
        do throws(RedirectError) {
            try carryOut(transaction)
            stage.follow(RulesInForce(writer, known.fingerprint.changed))
        } catch {
            stage.failed()
            throw error
        }
    }

    /// The rules of those Services that have changed; of all where that are most of them, since whole chains may then
    /// be written anew, and where all have other rules.
    private func difference(_ writer: RuleWriter, _ known: RulesInForce) -> Transaction? {
        let former = known.writer
        if writer.writesServices(like: former), known.former.count * 2 <= services.count {
            let changed = Dictionary(uniqueKeysWithValues: known.former.keys.map { ($0, services[$0] ?? []) })
            let (new, old) = (writer.rules(changed), former.rules(known.former))
            return Transaction(new.transaction(from: old, rewriting: false), to: new, from: old)
        }
        let (new, old) = (writer.rules(services), former.rules(services.merging(known.former) { $1 }))
        return Transaction(new.transaction(from: old), to: new, from: old)
    }

    /// Puts all rules into the place of what was read: of a former process, of another mode, or of whoever has touched
    /// them.
    private func replace(
        _ saved: SavedRules, _ fingerprint: Fingerprint, _ writer: RuleWriter
    ) throws(RedirectError) {
        let (transaction, found) = replacement(of: saved, writer)
        var leftovers = found
        var fingerprint = transaction == nil ? fingerprint : fingerprint.changed
        do {
            if let transaction { try carryOut(transaction) }
        } catch RedirectError.refused {
            // As autoclosures, logical operators lose the type of errors.
            let isRewritten = writer.carries ? try rewrite(saved, writer) : false
            if !isRewritten {
                fingerprint = try setAside(writer)
                // What is left over of the kernel's chains is not what was thought; the next look sees it.
                if writer.carries { (leftovers, fingerprint) = (nil, Fingerprint()) }
            }
        }
        // Only now, so that there is no moment without rules.
        do throws(RedirectError) {
            if let leftovers { try firewall.restore(leftovers) }
            if stage.mayHaveLeftovers { try firewall.removeKubeProxyTable() }
            stage = .steady(RulesInForce(writer, leftovers == nil ? fingerprint : fingerprint.changed))
        } catch {
            work.warnings.append("rules of another kube-proxy mode may be left: \(error)")
            stage = .besideOthers(RulesInForce(writer, Fingerprint()))
        }
    }

    /// The transaction, and what is to be removed after it; nil where there is nothing to do.
    private func replacement(of saved: SavedRules, _ writer: RuleWriter) -> (Transaction?, leftovers: String?) {
        let wanted = writer.rules(services)
        let present = RuleSet(wanted, in: saved)
        let transaction = Transaction(
            wanted.transaction(from: present), to: wanted, from: present, leading: saved.ownChains)
        guard stage.mayHaveLeftovers || writer.carries else { return (transaction, nil) }
        return (transaction, leftovers(in: saved, beside: wanted, ofServicesOnly: !stage.mayHaveLeftovers))
    }

    /// Writes all chains anew, and deletes no rule: iptables finds none whose matches another has written in another order.
    ///
    /// - Returns: false if that is refused too.
    private func rewrite(_ saved: SavedRules, _ writer: RuleWriter) throws(RedirectError) -> Bool {
        let wanted = writer.rules(services)
        let present = RuleSet(wanted, in: saved)
        var jumps = present
        for table in jumps.tables.indices {
            // Chains that are to go have to be known.
            let names = Set(wanted[jumps.tables[table].name].chains.map(\.name))
            jumps.tables[table].chains.removeAll { names.contains($0.name) }
        }
        let text = wanted.transaction(from: jumps)
        guard let transaction = Transaction(text, to: wanted, from: present, leading: saved.ownChains) else {
            return false
        }
        do {
            try carryOut(transaction)
            return true
        } catch RedirectError.refused {
            return false
        }
    }

    /// Text that removes chains of other modes and of Services that are gone, to which nothing leads once the rules are in
    /// force.
    private func leftovers(in saved: SavedRules, beside wanted: RuleSet, ofServicesOnly: Bool) -> String? {
        let names = Dictionary(
            uniqueKeysWithValues: wanted.tables.map { ($0.name.rawValue, Set($0.chains.map(\.name))) })
        func isWanted(_ chain: String, _ table: String) -> Bool { names[table]?.contains(chain) ?? false }
        return saved.removal(asIfEmpty: isWanted) { chain, table in
            guard !isWanted(chain, table) else { return false }
            return ofServicesOnly
                ? KubeProxyChains.isOfOneService(chain, in: table) : KubeProxyChains.isLeftover(chain, in: table)
        }
    }

    func carryOut(_ transaction: Transaction) throws(RedirectError) {
        try firewall.restore(transaction.text)
        work.applied(transaction.text, stale: transaction.stale)
    }

    /// A text for the firewall, and what follows from it. The rules that it was made of are let go before it is carried
    /// out: those of a whole cluster take many megabytes, and iptables a second.
    struct Transaction {
        let text: String
        let stale: [StaleFlows]

        /// Nil if there is nothing to do.
        ///
        /// - Parameter leading: chains of single Services as they were read.
        init?(_ text: String?, to new: RuleSet, from old: RuleSet, leading chains: [String: [Rule]] = [:]) {
            guard let text else { return nil }
            self.text = text
            stale = new.staleFlows(since: old, leading: chains)
        }
    }
}
