public import Base
internal import EventLoop

/// Keeps one family's rules in the firewall as they should be.
///
/// It remembers what it has applied, so that a change costs one short transaction and no change costs nothing. Reading back
/// (``repair(_:)``) finds what others have done meanwhile. It has a thread of its own, since the programs block.
public actor Applier {
    public enum Outcome: Sendable, Hashable {
        /// All was as it should be; no program that changes anything was run.
        case unchanged
        /// So many lines were sent to iptables-restore, none if only the policy route was not as it should be; these flows are
        /// to be given to ``flush(_:)``.
        case applied(lines: Int, stale: [StaleFlows] = [])
    }

    public nonisolated let family: IPAddress.Family
    private let firewall: Firewall
    /// What is in the firewall as far as is known; nil if that has to be read first.
    private var known: RuleSet?
    /// Whether the policy route is there; nil if that has to be looked up.
    private var isRouted: Bool?
    private let policyRoute: PolicyRoute
    /// What is not in force of the last plan, since its rules are refused.
    public internal(set) var refused: [RefusedPort] = []

    private let executor: QueueExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public init(_ family: IPAddress.Family, _ iptables: Iptables) {
        self.family = family
        firewall = Firewall(iptables: iptables, family: family)
        policyRoute = PolicyRoute(family, searchPath: iptables.searchPath)
        executor = QueueExecutor(label: "redirect-\(family)")
    }

    /// Brings the firewall to `rules` by the smallest transaction. The first time it reads what is there, and takes over
    /// what a former process or a userspace kube-proxy has left, so that at no time nothing is captured.
    ///
    /// - Throws: after an error the next call reads back first, and so does not rely on what may be half done.
    @discardableResult
    public func apply(_ rules: RuleSet) throws(RedirectError) -> Outcome {
        precondition(rules.family == family, "rules of the other family")
        // The route before the rules that need it, and after those that needed it.
        let isRouteMade = rules.needsPolicyRoute ? try route(true) : false
        let outcome = try applyRules(rules)
        let isRouteRemoved = rules.needsPolicyRoute ? false : try route(false)
        return outcome == .unchanged && (isRouteMade || isRouteRemoved) ? .applied(lines: 0) : outcome
    }

    /// Makes or removes the policy route unless that is known to be done.
    ///
    /// - Returns: whether anything was changed.
    private func route(_ isWanted: Bool) throws(RedirectError) -> Bool {
        if isRouted == isWanted { return false }
        isRouted = nil
        let isChanged = isWanted ? try policyRoute.apply() : try policyRoute.remove()
        isRouted = isWanted
        return isChanged
    }

    private func applyRules(_ rules: RuleSet) throws(RedirectError) -> Outcome {
        guard let remembered = known else { return try bring(to: rules, from: present(rules)) }
        do {
            return try bring(to: rules, from: remembered)
        } catch RedirectError.refused {
            // The transaction was made for a firewall that somebody else has changed since. With the present one it is made
            // anew; what is wrong for other reasons fails again.
            return try bring(to: rules, from: present(rules))
        }
    }

    /// Brings the firewall to `rules`, going by what is there and not by what is remembered: for the regular look whether
    /// somebody has flushed the tables. `unchanged` says that nobody has.
    @discardableResult
    public func repair(_ rules: RuleSet) throws(RedirectError) -> Outcome {
        known = nil
        // One that is not wanted was removed at the start, and nobody else makes it.
        if rules.needsPolicyRoute { isRouted = nil }
        return try apply(rules)
    }

    /// Deletes the kernel's memory of flows that the last change has made stale. Worth a warning if it fails, and no more: the
    /// rules hold for all new flows.
    ///
    /// - Throws: ``RedirectError/flowsRemain(code:)`` where the kernel cannot be asked.
    public func flush(_ flows: [StaleFlows]) throws(RedirectError) {
        do throws(SystemError) { try ConnectionTracking.forget(flows) } catch { throw .flowsRemain(code: error.code) }
    }

    /// Removes what a former kube-proxy's iptables or IPVS mode has left in this family, which would capture before or beside
    /// Portico. Its own chains stay.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    public func removeLeftovers() throws(RedirectError) -> Bool {
        try remove { KubeProxyChains.isLeftover($0, in: $1) }
    }

    /// Removes all rules and chains of Portico, and of kube-proxy in any mode that uses iptables.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    public func removeAll() throws(RedirectError) -> Bool {
        known = nil
        isRouted = nil
        let isRemoved = try remove { KubeProxyChains.isOwn($0, in: $1) || KubeProxyChains.isLeftover($0, in: $1) }
        return try policyRoute.remove() || isRemoved
    }

    private func remove(_ isWanted: (_ chain: String, _ table: String) -> Bool) throws(RedirectError) -> Bool {
        guard let text = try firewall.save().removal(of: isWanted) else { return false }
        try firewall.restore(text)
        return true
    }

    /// What is there of these rules.
    func present(_ rules: RuleSet) throws(RedirectError) -> RuleSet {
        RuleSet(rules, in: try firewall.save())
    }

    private func bring(to rules: RuleSet, from present: RuleSet) throws(RedirectError) -> Outcome {
        known = nil
        guard let text = rules.transaction(from: present) else {
            known = rules
            return .unchanged
        }
        try firewall.restore(text)
        known = rules
        return .applied(
            lines: text.utf8.count { $0 == UInt8(ascii: "\n") }, stale: rules.staleFlows(since: present))
    }
}
