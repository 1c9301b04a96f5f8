internal import Balancing
internal import Base

/// What selection needs to know about a service port besides its endpoints.
struct SelectionPolicy {
    var usesCluster: Bool
    var usesLocal: Bool

    /// The Cluster list is needed under a Local external policy too: pods of this node that use an external address are
    /// sent there. The external policy of a port without external addresses means nothing.
    init(internalPolicy: TrafficPolicy, externalPolicy: TrafficPolicy, isExternallyReachable: Bool) {
        usesCluster = internalPolicy == .cluster || isExternallyReachable
        usesLocal = internalPolicy == .local || (externalPolicy == .local && isExternallyReachable)
    }
}

/// The place that hints are compared with.
struct TopologyPlace: Equatable {
    var node: String?
    var zone: String?
}

extension EndpointSelection {
    init(_ candidates: CandidateSet, policy: SelectionPolicy, place: TopologyPlace) {
        self.init(
            ipv4: FamilySelection(candidates.sorted(.ipv4), policy: policy, place: place),
            ipv6: FamilySelection(candidates.sorted(.ipv6), policy: policy, place: place))
    }
}

extension FamilySelection {
    /// Selects among the candidates of one family.
    init(_ candidates: [EndpointCandidate], policy: SelectionPolicy, place: TopologyPlace) {
        self.init()
        guard !candidates.isEmpty else { return }
        if policy.usesCluster {
            let ready = candidates.filter(\.isReady)
            topology = TopologyMode(ready, place: place)
            cluster = ready.filter { topology.admits($0, place: place) }.map(\.endpoint)
            // Terminating endpoints are all that is left when a Service is replaced or its last pod is being drained.
            // Hints do not matter then: any answer is better than none.
            if cluster.isEmpty { cluster = Self.lastResort(candidates) }
        }
        if policy.usesLocal {
            // The two fallbacks are independent: the Cluster list may be in its normal state while this one is not.
            let here = candidates.filter(\.endpoint.isLocal)
            local = here.filter(\.isReady).map(\.endpoint)
            if local.isEmpty { local = Self.lastResort(here) }
        }
        hasAny = candidates.contains(where: \.isUsable)
    }

    private static func lastResort(_ candidates: [EndpointCandidate]) -> [ServiceEndpoint] {
        candidates.filter(\.isLastResort).map(\.endpoint)
    }
}

extension TopologyMode {
    /// Decides from the hints of the ready endpoints. A single one without a hint disables the mode: hints are written
    /// for all or none, so a missing one means that they are being changed.
    init(_ ready: [EndpointCandidate], place: TopologyPlace) {
        self = .none
        guard !ready.isEmpty else { return }
        if let node = place.node, ready.allSatisfy({ !$0.nodeHints.isEmpty }),
            ready.contains(where: { $0.nodeHints.contains(node) })
        {
            self = .preferSameNode
        } else if let zone = place.zone, ready.allSatisfy({ !$0.zoneHints.isEmpty }),
            ready.contains(where: { $0.zoneHints.contains(zone) })
        {
            self = .preferSameZone
        }
    }

    func admits(_ candidate: EndpointCandidate, place: TopologyPlace) -> Bool {
        switch self {
        case .none: true
        case .preferSameNode: place.node.map(candidate.nodeHints.contains) ?? true
        case .preferSameZone: place.zone.map(candidate.zoneHints.contains) ?? true
        }
    }
}
