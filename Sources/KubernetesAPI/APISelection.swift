public import Objects

/// Which objects of a cluster are wanted. Pods only where nothing else will do: they are many, and EndpointSlices say what
/// is needed of them.
public struct APISelection: Hashable, Sendable {
    /// One kind, by what it is read from: the first of them that the server has.
    struct Part: Hashable, Sendable {
        var resources: [WatchedResource]
        /// What there is of other kinds is served without it.
        var isOptional = false
        /// Of those that the server has, the first that may be read will do.
        var takesWhatIsAllowed = false
    }

    let parts: [Part]

    private init(_ parts: [Part]) { self.parts = parts }

    /// Services, their endpoints and one Node, as kube-proxy selects them: without those that another proxy serves, and
    /// without the endpoints of headless Services (docs/behaviour.md, B2.1).
    ///
    /// - Parameter node: the name of the Node that this machine is.
    public static func node(named node: String) -> APISelection {
        let own = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name"
        return APISelection([
            Part(resources: [WatchedResource(.service, labelSelector: own)]),
            Part(resources: [
                WatchedResource(.endpointSlice, labelSelector: own), WatchedResource(.endpoints, labelSelector: own),
            ]),
            Part(resources: [WatchedResource(.node, fieldSelector: "metadata.name=\(node)")], isOptional: true),
        ])
    }

    /// Services and their endpoints. Who may not read those is told of them by Pods: developers often may read these.
    ///
    /// - Parameter namespaces: each is asked for by itself, so that permission to read these is enough; none stands for
    ///   all.
    public static func services(namespaces: [String] = []) -> APISelection {
        let places: [String?] = namespaces.isEmpty ? [nil] : Set(namespaces).sorted()
        return APISelection(
            places.flatMap { namespace in
                [
                    Part(resources: [WatchedResource(.service, namespace: namespace)]),
                    Part(
                        resources: [
                            WatchedResource(.endpointSlice, namespace: namespace),
                            WatchedResource(.endpoints, namespace: namespace),
                            WatchedResource(.pod, namespace: namespace),
                        ], takesWhatIsAllowed: true),
                ]
            })
    }

    /// Some Services with their endpoints, or the pods of something.
    public enum Wanted: Hashable, Sendable {
        /// One Service, and how its pods are found where its endpoints may not be read; empty if it selects none.
        case service(ObjectKey, selector: [String: String])
        /// The pods that have these labels.
        case pods(namespace: String, labels: [String: String])
    }

    /// Just these, each asked for by itself.
    public static func only(_ wanted: [Wanted]) -> APISelection { APISelection(wanted.flatMap(\.parts)) }
}

extension APISelection.Wanted {
    fileprivate var parts: [APISelection.Part] {
        switch self {
        case .service(let key, let selector):
            let (namespace, byName) = (key.namespace, "metadata.name=\(key.name)")
            var endpoints = [
                WatchedResource(
                    .endpointSlice, namespace: namespace, labelSelector: "\(WellKnownLabel.serviceName)=\(key.name)"),
                WatchedResource(.endpoints, namespace: namespace, fieldSelector: byName),
            ]
            if !selector.isEmpty {
                endpoints.append(WatchedResource(.pod, namespace: namespace, labelSelector: selector.asSelector))
            }
            return [
                APISelection.Part(resources: [WatchedResource(.service, namespace: namespace, fieldSelector: byName)]),
                APISelection.Part(resources: endpoints, takesWhatIsAllowed: true),
            ]
        case .pods(let namespace, let labels):
            return [
                APISelection.Part(
                    resources: [WatchedResource(.pod, namespace: namespace, labelSelector: labels.asSelector)])
            ]
        }
    }
}

extension [String: String] {
    fileprivate var asSelector: String {
        sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
