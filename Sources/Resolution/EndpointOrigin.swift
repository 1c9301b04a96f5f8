internal import Cluster
internal import Objects

/// The objects that describe one Service's endpoints.
enum EndpointOrigin {
    case nothing
    case slices([EndpointSlice])
    case endpoints(Endpoints)
    case pods([Pod])

    var source: EndpointSource {
        switch self {
        case .nothing: .none
        case .slices: .endpointSlices
        case .endpoints: .endpoints
        case .pods: .pods
        }
    }
}

extension ClusterStore {
    /// Where a Service's endpoints are to be read from: slices if it has any, else its Endpoints object, else the pods
    /// that its selector finds. They are never mixed, since each describes all of the same pods.
    ///
    /// - Parameter headless: also what is labelled so: it is that of headless Services, and API sources never fetch it.
    func origin(of service: Service, headless: Bool = false) -> EndpointOrigin {
        func counts(_ object: ObjectMeta) -> Bool { headless || object.labels[WellKnownLabel.headless] == nil }
        let key = service.metadata.key
        let slices = slices(of: key).filter { counts($0.metadata) }
        if !slices.isEmpty { return .slices(slices) }
        if let endpoints = endpoints(of: key), counts(endpoints.metadata) { return .endpoints(endpoints) }
        let pods = pods(for: service)
        return pods.isEmpty ? .nothing : .pods(pods)
    }
}
