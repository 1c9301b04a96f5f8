internal import Base
internal import Objects

/// Keeps one family's rules in the firewall as they should be. It has a thread of its own, since the programs block.
///
/// It remembers what it was told of each Service. What rules are there follows from what it was told before, so those
/// of a Service that changes are made twice, and the transaction is what differs between the two. The rules of all
/// Services are made only at first, after an error, when the node's networks change, and when a look finds something
/// different.
actor FamilyRules {
    nonisolated let family: IPAddress.Family
    let firewall: any FirewallTables
    let policyRoute: PolicyRoute

    /// As it was told last.
    private var node: NodeRedirection?
    /// What each Service is to have, apart from what is refused.
    private(set) var services: [ObjectKey: KernelService] = [:]
    /// So many has all that the kernel carries by itself.
    private var endpoints = 0
    private var isLarge = false
    /// What is not in force since its rules are refused.
    var refused: [ObjectKey: [RefusedPort]] = [:]
    var stage = FamilyStage.starting
    /// Of the call that is under way.
    var work = FamilyWork()

    private let executor: QueueExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ family: IPAddress.Family, _ firewall: any FirewallTables, _ policyRoute: PolicyRoute) {
        self.family = family
        self.firewall = firewall
        self.policyRoute = policyRoute
        executor = QueueExecutor(label: "redirect-\(family)")
    }

    /// See ``KernelBackEnd/apply(_:checking:)``; nil if there are no rules and should be none.
    func apply(_ change: KernelChange, checking: Bool) -> FamilyResult? {
        work.begin()
        take(change)
        guard let node else { return nil }
        isLarge = ServiceChainNode.isLarge(endpoints: endpoints, wasLarge: isLarge)
        guard let writer = RuleWriter(node, family, isLarge: isLarge) else { return clear() }
        let outcome: Result<KernelOutcome, RedirectError>
        do throws(RedirectError) {
            try bring(to: writer, checking: checking)
            outcome = .success(work.outcome)
        } catch {
            stage.failed()
            outcome = .failure(error)
        }
        forgetFlows()
        return FamilyResult(
            outcome, warnings: work.warnings, refused: refused.sorted { $0.key < $1.key }.flatMap(\.value))
    }

    func expectLeftovers() { stage.expectLeftovers() }

    /// Removes all rules, chains and routes of Portico.
    ///
    /// What a kube-proxy has left is gone since the start: rules of one that are there now are those of one that works,
    /// maybe in this process's place. Where the kernel carries Services by itself they are this process's own,
    /// unless there is a sign of a kube-proxy. The UDP flows that the rules led here are to be forgotten after that
    /// (``forgetFlows()``).
    func removeAll() throws(RedirectError) {
        var hasLeftovers = stage.mayHaveLeftovers
        stage.failed()
        if case .read(let saved, _) = try firewall.look(since: nil) {
            if node?.carriage != nil, !KubeProxyChains.isServedByOthers(saved) { hasLeftovers = true }
            let text = saved.removal {
                KubeProxyChains.isOwn($0, in: $1) || hasLeftovers && KubeProxyChains.isLeftover($0, in: $1)
            }
            if let text {
                try firewall.restore(text)
                work.applied(text, stale: saved.ledFlows(family))
            }
        }
        _ = try policyRoute.remove()
    }

    /// Rules would lead to where nobody listens.
    private func clear() -> FamilyResult? {
        if case .bare = stage { return nil }
        do throws(RedirectError) {
            try removeAll()
            forgetFlows()
            stage = .bare
            return nil
        } catch {
            return FamilyResult(.failure(error))
        }
    }

    private func take(_ change: KernelChange) {
        node = change.node ?? node
        for (key, all) in change.services {
            let service = all.part(of: family)
            // What is refused is tried again once it is something else.
            let still = (refused[key] ?? []).filter { service.part(of: $0.owner) == $0.part }
            refused[key] = still.isEmpty ? nil : still
            set(key, to: service.removing(Set(still.map(\.owner))))
        }
    }

    /// From here on a Service is to have this, portals in their order.
    func set(_ key: ObjectKey, to service: KernelService) {
        let former = services[key] ?? []
        guard former != service else { return }
        services.replace(key, with: service.isEmpty ? nil : service)
        endpoints += service.endpointCount(family) - former.endpointCount(family)
        stage.changed(key, from: former)
    }

    /// Only now that the rules are others: before, the next packet would make the memory anew.
    func forgetFlows() {
        let flows = work.takeStale()
        guard !flows.isEmpty else { return }
        do throws(SystemError) {
            try firewall.forget(flows)
        } catch {
            let reason = RedirectError.flowsRemain(code: error.code)
            work.warnings.append("UDP clients that were there before may be stuck: \(reason)")
        }
    }
}
