internal import Balancing
public import Base
public import Host
public import Objects
public import Redirect
public import Relay
public import Resolution

/// The proxy of a node: takes what a source says about the cluster, keeps the relay in step with it, and the firewall in step
/// with the relay. The command around it reads flags, prints, and listens to signals.
///
/// The two steps are apart, because a relay changes in milliseconds, and a firewall may be locked by others for seconds:
/// ``serve(_:)`` says at once where connections go to, and ``redirect(checking:)`` brings the traffic there. What listens is
/// opened before the first rule leads to it, and closed after the last one is gone.
public actor NodeProxy {
    /// What ``serve(_:)`` came to.
    public struct Served: Sendable, Equatable {
        /// Service ports of the cluster that this node proxies.
        public var servicePorts = 0
        public var services = 0
        /// Facts that explain what is not served.
        public var notes: [String] = []
        /// What is not as it was asked for.
        public var problems: [Problem] = []
        /// Some of that is worth another attempt even if nothing changes.
        public var isToBeRetried = false
        /// What load balancers ask this node about; one for each Service that wants it.
        public var healthChecks: [ServiceHealthEntry] = []
        public var addresses = NodeAddresses()
        /// The object of this node.
        public var node: Node?
        /// The source knows of nodes, if not of this one.
        public var knowsNodes = false
        /// Traffic is to be led here and cannot: this node has no address to lead it to.
        public var isOutOfReach = false

        public init() {}
    }

    /// What ``redirect(checking:)`` came to.
    public struct Redirected: Sendable {
        public var outcomes: [IPAddress.Family: Result<KernelOutcome, RedirectError>] = [:]
        /// What is not redirected although the rules are in force: its own are refused.
        public var problems: [Problem] = []
        /// Worth a line, and no more: the rules are in force all the same.
        public var warnings: [String] = []
        public var duration = Duration.zero
        public var cost = RedirectTally.zero

        /// Families whose rules are as they should be.
        public var inForce: [IPAddress.Family] {
            outcomes.filter { (try? $0.value.get()) != nil }.keys.sorted()
        }
        public var isInForce: Bool { outcomes.values.allSatisfy { (try? $0.get()) != nil } }
        public var hasChanged: Bool {
            outcomes.values.contains { if case .success(.applied) = $0 { true } else { false } }
        }
    }

    /// Other proxy ports that are tried at once where somebody else listens on the one that was chosen.
    private static let rounds = 8

    private let settings: NodeSettings
    private let reconciler: Reconciler
    private let backEnd: (any KernelBackEnd)?
    private let look: @Sendable () -> NetworkInterfaces
    private var planner: NodePlanner
    private var state = ClusterState()
    private var resolution = Resolution()
    /// What the state says about this node.
    private var nodeProblems: [Problem] = []

    /// The latest plan; the relay may not have carried it out yet.
    private var plan = NodePlan()
    /// All that the kernel is to do, and the plan of the relay that this leads to.
    private var wanted = KernelChange()
    private var ready = Plan()
    private var readyCaptured: [PortalAddress: ObjectKey] = [:]
    private var served = Served()
    /// What the rules in force lead to.
    private var ruled = Plan()
    /// Where they, or the rules before them, capture: what the proxy must not dial, whatever the state says by now.
    private var ruledCaptured: [PortalAddress: ObjectKey] = [:]
    /// What the kernel was told last, all in all.
    private var told = KernelChange()
    private var isInForce = false
    private var refused: [Problem] = []

    /// - Parameters:
    ///   - backEnd: leads traffic here; nil leaves the kernel alone: then there are claimed ports only.
    ///   - look: how the node's network is looked at.
    public init(
        relay: Relay, settings: NodeSettings, backEnd: (any KernelBackEnd)?,
        look: @escaping @Sendable () -> NetworkInterfaces = { NetworkInterfaces.current() }
    ) {
        self.settings = settings
        self.look = look
        reconciler = Reconciler(relay: relay)
        self.backEnd = backEnd
        planner = NodePlanner(settings, isRedirecting: backEnd != nil)
    }

    /// Takes over the proxy ports of a former process. Before the first ``serve(_:)``.
    public func remember(_ doors: [Inheritance.Door]) {
        planner.remember(doors.map { ($0.port, $0.address) })
    }

    private var isRedirecting: Bool { backEnd != nil }

    // MARK: The relay

    /// Serves what `state` says, in place of what was served before. Not to be called while another call is under way.
    public func serve(_ state: ClusterState) async -> Served {
        self.state = state
        nodeProblems = state.problems(ofNode: settings.nodeName)
        return await serve(at: currentAddresses())
    }

    /// Tries again what did not work, and looks anew at the node's addresses: at every period, and when they change.
    public func retry() async -> Served {
        planner.retryBusyPorts()
        let addresses = currentAddresses()
        guard served.isToBeRetried || addresses != served.addresses else { return served }
        return await serve(at: addresses)
    }

    /// The object of this node.
    private var node: Node? { state.nodes.first { $0.metadata.name == settings.nodeName } }

    private func currentAddresses() -> NodeAddresses {
        NodeAddresses(look(), node: node, settings, after: served.addresses)
    }

    private func serve(at addresses: NodeAddresses) async -> Served {
        resolution = state.resolve(
            ResolutionContext(nodeName: settings.nodeName, safety: addresses.safety(besides: ruledCaptured)))
        // Known before the relay is told: rules that are done meanwhile must not close what this opens.
        plan = planner.plan(resolution.ports, on: addresses)
        var status = await reconciler.apply(plan.relay.keeping(ruled))
        for _ in 0..<Self.rounds {
            let busy = status.proxyPortsInUse(of: plan)
            if busy.isEmpty { break }
            for id in busy { planner.replaceProxyPort(of: id) }
            plan = planner.plan(resolution.ports, on: addresses)
            status = await reconciler.apply(plan.relay.keeping(ruled))
        }
        let open = status.openDoors
        var held: [Problem] = []
        wanted = plan.redirect {
            open.contains(OpenDoor(id: $0, address: $1.address))
        } isHeld: { address, owner in
            guard let holder = PortOwner.find(address, owner.transport) else { return false }
            held.append(
                Problem(
                    .error, .listener, subject: "\(owner)",
                    "\(address) is not redirected: it is this node's own, and held by \(holder)"))
            return true
        }
        // Rules lead to what is open, so nothing else is kept for their sake.
        ready = plan.relay.only { open.contains(OpenDoor(id: $0, address: $1.address)) }
        readyCaptured = resolution.captured

        served = Served()
        served.servicePorts = resolution.ports.count
        served.services = Set(resolution.ports.map { "\($0.name.namespace)/\($0.name.service)" }).count
        served.notes = resolution.notes.filter { $0.level == .info }.map(\.description) + plan.relay.notes
        let lacking = isRedirecting ? addresses.problems(serving: resolution.ports, settings) : []
        served.problems = nodeProblems + lacking + resolution.notes.compactMap { Problem($0) }
        served.problems += plan.relay.problems + held + status.problems
        // What was refused for the sake of rules that are going may be let in once they are gone.
        let mayBeLetIn = ruledCaptured != resolution.captured && resolution.notes.contains { $0.level == .refusal }
        served.isToBeRetried =
            mayBeLetIn || !status.problems.isEmpty || !plan.relay.problems.isEmpty || !held.isEmpty
        served.isOutOfReach = isRedirecting && addresses.networks.isEmpty
        served.healthChecks = resolution.healthChecks
        served.addresses = addresses
        served.node = node
        served.knowsNodes = !state.nodes.isEmpty
        return served
    }

    // MARK: The firewall

    /// Brings the firewall to what ``serve(_:)`` said last. Starts no program if that is in force already.
    ///
    /// - Parameter checking: looks at what is there, in case somebody else has changed it.
    public func redirect(checking: Bool = false) async -> Redirected {
        guard let backEnd else { return Redirected() }
        let (target, relayPlan, captured) = (wanted, ready, readyCaptured)
        ruledCaptured.merge(captured) { own, _ in own }
        var result = Redirected()
        let change = target.since(told)
        if checking || !isInForce || !change.isEmpty {
            told = target
            let done = await backEnd.apply(change, checking: checking)
            let families = done.families.sorted { $0.key < $1.key }
            refused = families.flatMap(\.value.refused).map(\.problem)
            result.outcomes = done.families.mapValues(\.outcome)
            result.warnings = families.flatMap(\.value.warnings)
            (result.duration, result.cost) = (done.duration, done.cost)
        }
        result.problems = refused

        // Half of a change may be in force where there was an error: then nothing that rules may lead to is closed.
        isInForce = result.isInForce
        let leftBehind = ruled
        ruled = isInForce ? relayPlan : relayPlan.keeping(ruled)
        if isInForce { ruledCaptured = captured }
        if isInForce, leftBehind != ruled { _ = await reconciler.apply(plan.relay.keeping(ruled)) }
        return result
    }

    /// Removes all rules (`--cleanup-on-exit`).
    public func removeRules() async -> [RedirectError] {
        isInForce = false
        return await backEnd?.removeAll() ?? []
    }
}
