internal import Objects

/// The objects of a state that hold endpoints, found by the Service they belong to.
///
/// Built once per resolution: ten thousand Services that each searched all slices would take minutes.
struct EndpointIndex {
    private var slices: [ObjectKey: [EndpointSlice]] = [:]
    private var endpoints: [ObjectKey: Endpoints] = [:]
    private var pods: PodIndex
    private(set) var notes: [ResolutionNote] = []

    /// - Parameter headless: also those of headless Services, which are labelled so and which API sources never fetch.
    init(_ state: ClusterState, headless: Bool = false) {
        pods = PodIndex(state.pods)
        for slice in state.endpointSlices {
            guard let service = slice.serviceName, !service.isEmpty else {
                notes.append(
                    ResolutionNote(
                        .warning, subject: "EndpointSlice \(slice.metadata.key)",
                        text: "no label \(WellKnownLabel.serviceName), ignored"))
                continue
            }
            guard headless || slice.metadata.labels[WellKnownLabel.headless] == nil else { continue }
            slices[ObjectKey(namespace: slice.metadata.namespace, name: service), default: []].append(slice)
        }
        for object in state.endpoints {
            guard headless || object.metadata.labels[WellKnownLabel.headless] == nil else { continue }
            endpoints[object.metadata.key] = object
        }
    }

    /// Where a Service's endpoints are to be read from: slices if it has any, else its Endpoints object, else the pods
    /// that its selector finds. They are never mixed, since each describes all of the same pods.
    func origin(of service: Service) -> EndpointOrigin {
        let key = service.metadata.key
        if let slices = slices[key] {
            // Ordered by name, so that which of two equal entries wins does not depend on the order of a file.
            return .slices(slices.count > 1 ? slices.sorted { $0.metadata.name < $1.metadata.name } : slices)
        }
        if let endpoints = endpoints[key] { return .endpoints(endpoints) }
        // A Service without a selector has its endpoints written by hand; it never means "all pods".
        if !service.spec.selector.isEmpty, !pods.isEmpty {
            return .pods(pods.select(service.spec.selector, namespace: key.namespace))
        }
        return .nothing
    }
}

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

/// Pods by namespace and label.
struct PodIndex {
    private struct Label: Hashable {
        let namespace: String
        let name: String
        let value: String
    }

    private var pods: [Pod]
    private var byLabel: [Label: [Int]] = [:]

    var isEmpty: Bool { pods.isEmpty }

    init(_ pods: [Pod]) {
        self.pods = pods
        for (index, pod) in pods.enumerated() {
            for (name, value) in pod.metadata.labels {
                byLabel[Label(namespace: pod.metadata.namespace, name: name, value: value), default: []].append(index)
            }
        }
    }

    /// The pods of a namespace that carry all the labels of a selector. Looks only at those with the rarest label.
    func select(_ selector: [String: String], namespace: String) -> [Pod] {
        var rarest: [Int]?
        for (name, value) in selector {
            let found = byLabel[Label(namespace: namespace, name: name, value: value)] ?? []
            if found.count < rarest?.count ?? .max { rarest = found }
        }
        return (rarest ?? []).map { pods[$0] }
            .filter { pod in selector.allSatisfy { pod.metadata.labels[$0.key] == $0.value } }
    }
}
