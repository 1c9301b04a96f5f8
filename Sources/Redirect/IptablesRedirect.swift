public import Base

/// Leads traffic to the proxy by iptables: the rules of each family, side by side, and the policy route that goes with
/// them.
public struct IptablesRedirect: KernelBackEnd {
    public let watch: FirewallWatch?
    private let families: [FamilyRules]
    private let stop = Command.Stop()
    private static let timeToAnswer = Duration.milliseconds(200)

    /// Nothing is started until the first change comes.
    ///
    /// - Parameters:
    ///   - families: those that iptables works for on this host; of others nothing is looked at.
    ///   - watch: tells when others change the rules.
    public init(
        _ iptables: Iptables, families: Set<IPAddress.Family> = Set(IPAddress.Family.allCases),
        watch: FirewallWatch? = nil
    ) {
        self.watch = watch
        // In the network of this thread, as all that follows: one that programs are run in by other means has its own.
        let generation = iptables.kind == .nft ? watch?.generation ?? NftablesGeneration() : nil
        self.families = families.sorted().map { [stop] family in
            FamilyRules(
                family, Firewall(iptables: iptables, family: family, generation: generation, stop: stop),
                PolicyRoute(family, searchPath: iptables.searchPath))
        }
    }

    public func apply(_ change: KernelChange, checking: Bool) async -> KernelResult {
        let (clock, before) = (ContinuousClock(), RedirectTally.current)
        let start = clock.now
        watch?.ownChangeBegins()
        var result = KernelResult()
        await withTaskGroup(of: (IPAddress.Family, FamilyResult?).self) { group in
            for rules in families {
                group.addTask { (rules.family, await rules.apply(change, checking: checking)) }
            }
            for await (family, done) in group { result.families[family] = done }
        }
        watch?.ownChangeEnds(hasWritten: result.hasChanged || !result.isInForce)
        result.duration = clock.now - start
        result.cost = RedirectTally.current - before
        return result
    }

    public func abandon() { stop.now() }

    public func expectLeftovers() async {
        for rules in families { await rules.expectLeftovers() }
    }

    public func removeAll() async -> [RedirectError] {
        var errors: [RedirectError] = []
        for rules in families {
            do throws(RedirectError) { try await rules.removeAll() } catch { errors.append(error) }
        }
        // Whoever has asked by then is answered first: without the kernel's memory of the flow the answer would come from
        // another address than the client expects.
        try? await Task.sleep(for: Self.timeToAnswer)
        for rules in families { await rules.forgetFlows() }
        return errors
    }
}
