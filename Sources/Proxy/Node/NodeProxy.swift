internal import Base
public import Cluster
public import Host
public import Objects
public import Redirect
public import Relay
internal import Resolution

/// The proxy of a node: takes what a source says about the cluster, keeps the relay in step with it, and the kernel in
/// step with the relay. The command around it reads flags, prints, and listens to signals.
///
/// The two steps are apart, because a relay changes in milliseconds, and a firewall may be locked by others for
/// seconds: ``serve(_:)`` says at once where connections go to, and ``redirect(checking:)`` brings the traffic there.
/// What listens is opened before the first rule leads to it, and closed after the last one is gone. Only Services that
/// a change matters to are planned, served and redirected again.
public actor NodeProxy {
    /// How the kernel follows.
    private enum Kernel {
        /// It is left alone.
        case untouched
        /// It is told by a back end, which has not been told this change.
        case following(any KernelBackEnd, KernelChange)
    }

    /// Other proxy ports that are tried at once where somebody else listens on the one that was chosen.
    private static let attempts = 8

    private let relay: Relay
    private let reconciler: Reconciler
    private let look: @Sendable () throws -> NetworkInterfaces
    /// What was seen at the last look that saw anything: one takes longer than most changes.
    private var interfaces = NetworkInterfaces()
    private var isLookDue = true
    private let turns = Turns()
    private var state: NodeState
    private var kernel: Kernel
    /// What the back end knows of the node.
    private var redirection: NodeRedirection?
    /// What the back end last came to, if all is in force that it was told.
    private var inForce: KernelResult?

    /// - Parameters:
    ///   - backEnd: nil leaves the kernel alone: then there are claimed ports only.
    ///   - look: how the node's network is looked at: at first, and by ``retry()``. If it fails, as it does when descriptors
    ///     have run out, all stays as it was, and the next change looks again.
    public init(
        relay: Relay, settings: NodeSettings, backEnd: (any KernelBackEnd)?,
        look: @escaping @Sendable () throws -> NetworkInterfaces = { try NetworkInterfaces.current() }
    ) {
        self.relay = relay
        self.look = look
        reconciler = Reconciler(relay: relay)
        state = NodeState(settings, isRedirecting: backEnd != nil)
        kernel = backEnd.map { .following($0, KernelChange()) } ?? .untouched
    }

    /// Takes over the proxy ports of a former process. Before the first ``serve(_:)``.
    public func remember(_ doors: [Inheritance.Door]) {
        state.remember(doors.map { ($0.port, $0.address) })
    }

    /// Serves what the source says by now, with these changes. May be called at any time: steps are taken one after
    /// another.
    public func serve(_ changes: ObjectChanges) async -> Served {
        await turns.take {
            var served = await serveNow { $0.take(changes, $1) }
            served.redirected = await alreadyRedirected()
            return served
        }
    }

    /// By which the cluster knows a Service; nil if there is none.
    public func uid(ofService key: ObjectKey) -> String? { state.resolver.store.service(key)?.metadata.uid }

    /// Tries again what did not work, and looks anew at the node's addresses: at every period, and when they change.
    public func retry() async -> Served {
        await turns.take {
            isLookDue = true
            return await serveNow { $0.retry($1) }
        }
    }

    /// Brings the kernel to what was served last. Starts no program if that is in force already.
    ///
    /// - Parameter checking: looks at what is there, in case somebody else has changed it.
    public func redirect(checking: Bool = false) async -> Redirected {
        guard case .following(let backEnd, _) = kernel else { return Redirected() }
        if !checking, let redirected = await turns.take({ await alreadyRedirected() }) { return redirected }
        // Between two steps: in the middle of one there are plans that the back end is not told of yet.
        let (change, round, revision) = await turns.take { takeUntold() }
        let result = await backEnd.apply(change, checking: checking)
        guard result.isInForce else { return Redirected(result) }
        inForce = result
        return await turns.take {
            Redirected(result, isToBeServed: await rulesAreInForce(of: round, revision))
        }
    }

    /// See ``KernelBackEnd/abandon()``.
    public func abandonRules() {
        guard case .following(let backEnd, _) = kernel else { return }
        backEnd.abandon()
    }

    /// Another process that has had rules here has ended: what it has left goes at the next look.
    public func expectLeftovers() async {
        guard case .following(let backEnd, _) = kernel else { return }
        await backEnd.expectLeftovers()
    }

    /// Removes all rules (`--cleanup-on-exit`).
    public func removeRules() async -> [RedirectError] {
        guard case .following(let backEnd, _) = kernel else { return [] }
        inForce = nil
        return await backEnd.removeAll()
    }

    // MARK: One step

    private typealias Look = (Node?, NodeAddresses) -> NodeAddresses

    private func serveNow(_ change: (inout NodeState, Look) -> Set<ObjectKey>) async -> Served {
        let settings = state.settings
        if isLookDue, let seen = try? look() {
            interfaces = seen
            isLookDue = false
        }
        let dirty = change(&state) { [interfaces] node, former in
            NodeAddresses(interfaces, node: node, settings, after: former)
        }
        return await serve(dirty)
    }

    private func serve(_ dirty: Set<ObjectKey>) async -> Served {
        var wanted = state.plan(dirty)
        var touched = Set(wanted.keys)
        for _ in 0...Self.attempts {
            let busy = state.served(await reconciler.apply(wanted)) { PortOwner.find($0, $1) }
            if busy.isEmpty { break }
            wanted = state.plan(busy)
            touched.formUnion(wanted.keys)
        }
        tellKernel()
        if case .untouched = kernel {
            // There are no rules, so what Services have given up leads nowhere at once.
            _ = state.rulesAreInForce(of: state.round, state.resolver.revision)
            if !state.affected.isEmpty {
                var served = await serve([])
                served.merge(state.served(touched, limit: relay.budget.limit))
                return served
            }
        }
        return state.served(touched, limit: relay.budget.limit)
    }

    private func tellKernel() {
        guard case .following(let backEnd, var change) = kernel else { return }
        change.services.merge(state.takeUntold()) { $1 }
        let now = state.redirection
        if now != redirection { change.node = now }
        redirection = now
        kernel = .following(backEnd, change)
    }

    /// What the back end has not been told yet, and which plans that is of.
    private func takeUntold() -> (change: KernelChange, round: Int, revision: Int) {
        guard case .following(let backEnd, let change) = kernel else {
            return (KernelChange(), state.round, state.resolver.revision)
        }
        kernel = .following(backEnd, KernelChange())
        // Others may have something served meanwhile.
        inForce = nil
        return (change, state.round, state.resolver.revision)
    }

    /// What ``redirect(checking:)`` comes to where the kernel has been told everything and follows; nil where it has
    /// not.
    private func alreadyRedirected() async -> Redirected? {
        guard case .following(_, let change) = kernel else { return Redirected() }
        guard change.isEmpty, let inForce else { return nil }
        return Redirected(
            inForce.unchanged, isToBeServed: await rulesAreInForce(of: state.round, state.resolver.revision))
    }

    /// - Returns: whether some Services are to be served otherwise now.
    private func rulesAreInForce(of round: Int, _ revision: Int) async -> Bool {
        let settled = state.rulesAreInForce(of: round, revision)
        if !settled.isEmpty {
            _ = state.served(await reconciler.apply(state.wanted(settled))) { PortOwner.find($0, $1) }
        }
        return !state.affected.isEmpty
    }
}
