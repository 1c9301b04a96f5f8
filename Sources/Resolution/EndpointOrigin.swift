internal import Cluster
internal import Objects

/// The objects that describe one Service's endpoints.
enum EndpointOrigin {
    case nothing
    case slices([EndpointSlice])
    case endpoints(Endpoints)
    case pods([Pod])
    /// Pods that nobody runs.
    case played([Pod])

    var source: EndpointSource {
        switch self {
        case .nothing: .none
        case .slices: .endpointSlices
        case .endpoints: .endpoints
        case .pods, .played: .pods
        }
    }
}

extension ClusterStore {
    /// Where a Service's endpoints are to be read from: slices if it has any, else its Endpoints object, else the pods
    /// that its selector finds. They are never mixed, since each describes all of the same pods.
    ///
    /// - Parameters:
    ///   - headless: also what is labelled so: it is that of headless Services, and API sources never fetch it.
    ///   - plays: what has no endpoints at all gets pods that are played.
    func origin(of service: Service, headless: Bool = false, plays: Bool = false) -> EndpointOrigin {
        func counts(_ object: ObjectMeta) -> Bool { headless || object.labels[WellKnownLabel.headless] == nil }
        let key = service.metadata.key
        let slices = slices(of: key).filter { counts($0.metadata) && !(plays && $0.endpoints.isEmpty) }
        if !slices.isEmpty { return .slices(slices) }
        if let endpoints = endpoints(of: key), counts(endpoints.metadata), !(plays && endpoints.subsets.isEmpty) {
            return .endpoints(endpoints)
        }
        let pods = pods(for: service)
        if plays, !pods.contains(where: { $0.mayServe && $0.hasAddress }) { return .played(playedPods(of: service)) }
        return pods.isEmpty ? .nothing : .pods(pods)
    }

    /// The pods that would serve a Service if somebody ran them: those that have no address, and those of workloads.
    /// Where nothing describes any, it gets one of its own.
    private func playedPods(of service: Service) -> [Pod] {
        let pods = pods(for: service)
        let workloads = workloads(for: service)
        if pods.isEmpty, workloads.isEmpty { return [PlayedPods.of(service)] }
        return pods.filter(\.mayServe).map { PlayedPods.of($0) } + workloads.flatMap { PlayedPods.of($0) }
    }
}

extension Pod {
    /// Whether it has not ended, and nobody is ending it.
    var mayServe: Bool { !isFinished && !isTerminating }
    var hasAddress: Bool { !status.podIPs.isEmpty }
}
