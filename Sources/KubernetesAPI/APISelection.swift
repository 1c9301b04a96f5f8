internal import Objects

/// Which objects of a cluster are wanted. Never Pods: they are many, and EndpointSlices say what is needed of them.
public struct APISelection: Hashable, Sendable {
    /// One kind, by what it is read from: the first of them that the server has.
    struct Part: Hashable, Sendable {
        var resources: [WatchedResource]
        /// What there is of other kinds is served without it.
        var isOptional = false
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

    /// Services and their endpoints.
    ///
    /// - Parameter namespaces: each is asked for by itself, so that permission to read these is enough; none stands for
    ///   all.
    public static func services(namespaces: [String] = []) -> APISelection {
        let places: [String?] = namespaces.isEmpty ? [nil] : Set(namespaces).sorted()
        return APISelection(
            places.flatMap { namespace in
                [
                    Part(resources: [WatchedResource(.service, namespace: namespace)]),
                    Part(resources: [
                        WatchedResource(.endpointSlice, namespace: namespace),
                        WatchedResource(.endpoints, namespace: namespace),
                    ]),
                ]
            })
    }
}
