public import Base
public import Objects

/// The objects of a cluster by kind and key, with what it takes to find those that belong together without a search.
///
/// A value. What a change costs depends on the objects that it names, not on how many others there are.
public struct ClusterStore: Sendable {
    /// What describes one Service. The Service itself may be missing: its endpoints may be known first, or last.
    ///
    /// The objects are kept as they came, and so share the memory of the source that holds them, too.
    struct Record: Sendable {
        var serviceObject: ClusterObject?
        var sliceObjects = SortedSlices()
        var endpointsObject: ClusterObject?

        var service: Service? { serviceObject?.service }
        var slices: [EndpointSlice] { sliceObjects.all }
        var endpoints: Endpoints? { endpointsObject?.endpoints }

        var isEmpty: Bool { serviceObject == nil && sliceObjects.isEmpty && endpointsObject == nil }
    }

    var records = NumberedTable<ObjectKey, Record>()
    /// The Service that each EndpointSlice belongs to, by number.
    var owners: [ObjectKey: UInt32] = [:]
    /// EndpointSlices that belong to none.
    public internal(set) var strays: Set<ObjectKey> = []
    /// Services by the addresses in their EndpointSlices and Endpoints.
    var endpointAddresses = AddressIndex()
    /// Services by their cluster IPs.
    var clusterIPs = AddressIndex()
    var selectors = SelectorIndex()
    var pods = PodTable()
    var nodes: [String: Node] = [:]
    var addressesOfNodes = CountedSet<IPAddress>()
    var namesOfPlaces = CountedSet<String>()
    /// How many names of slices the last change compared.
    var lastCompared = 0

    public init() {}
}

// MARK: - What is there

extension ClusterStore {
    public var serviceKeys: some Sequence<ObjectKey> {
        records.entries.lazy.compactMap { $0.value.serviceObject == nil ? nil : $0.key }
    }

    public func service(_ key: ObjectKey) -> Service? { records[key]?.service }

    /// In the order of their names.
    public func slices(of service: ObjectKey) -> [EndpointSlice] { records[service]?.slices ?? [] }

    public func endpoints(of service: ObjectKey) -> Endpoints? { records[service]?.endpoints }

    /// The pods that a Service's selector finds, in the order of their names. One without a selector has its endpoints
    /// written by hand; it never means "all pods".
    public func pods(for service: Service) -> [Pod] {
        pods.select(service.spec.selector, namespace: service.metadata.namespace)
    }

    public func node(_ name: String) -> Node? { nodes[name] }

    public var nodeNames: some Collection<String> { nodes.keys }

    /// Of all Nodes together.
    public var nodeAddresses: some Collection<IPAddress> { addressesOfNodes.elements }

    public func isNodeAddress(_ address: IPAddress) -> Bool { addressesOfNodes.contains(address) }

    /// The names of the nodes that endpoints and pods are said to be on, whether there is such a Node or not.
    public var endpointNodes: some Collection<String> { namesOfPlaces.elements }

    /// Whether an endpoint or a pod is said to be on this node.
    public func hasEndpoints(onNode name: String) -> Bool { namesOfPlaces.contains(name) }
}

// MARK: - What belongs to an address

extension ClusterStore {
    /// Services that have this cluster IP, perhaps with others.
    public func services(withClusterIP address: IPAddress) -> Set<ObjectKey> {
        Set(clusterIPs.numbers(at: address).compactMap { records[$0]?.key })
    }

    /// Services that may have an endpoint at an address with one of some ports, ready or not. Those of whose pods the
    /// ports are not plain are among them.
    public func services(withEndpointAt address: IPAddress, offering isWanted: (UInt16) -> Bool) -> Set<ObjectKey> {
        var keys: Set<ObjectKey> = []
        for number in endpointAddresses.numbers(at: address) {
            guard let entry = records[number] else { continue }
            let record = entry.value
            let isOffered =
                record.slices.contains { $0.ports.contains { $0.port.map(isWanted) ?? false } }
                || record.endpoints?.subsets.contains { $0.ports.contains { isWanted($0.port) } } ?? false
            if isOffered { keys.insert(entry.key) }
        }
        for pod in pods.pods(at: address) { keys.formUnion(services(selecting: pod)) }
        return keys
    }

    /// Services that find their endpoints in pods, this one among them.
    func services(selecting pod: Pod) -> [ObjectKey] {
        selectors.numbers(for: pod.metadata).compactMap { number in
            guard let entry = records[number], let service = entry.value.service, entry.value.mayUsePods,
                pod.metadata.hasLabels(service.spec.selector)
            else { return nil }
            return entry.key
        }
    }

    /// Services some of whose endpoints are meant for clients in certain zones. Looks at all endpoints: for the rare event
    /// that this node is in another zone.
    public func servicesWithZoneHints() -> Set<ObjectKey> {
        Set(
            records.entries.lazy.filter { $0.value.slices.contains { $0.endpoints.contains { !$0.zoneHints.isEmpty } } }
                .map(\.key))
    }
}

extension ClusterStore.Record {
    /// Pods count where nothing else says which endpoints there are. What is labelled headless says so only for a headless
    /// Service.
    fileprivate var mayUsePods: Bool {
        (endpoints?.metadata.isMarkedHeadless ?? true) && slices.allSatisfy(\.metadata.isMarkedHeadless)
    }
}

extension ObjectMeta {
    fileprivate var isMarkedHeadless: Bool { labels[WellKnownLabel.headless] != nil }

    func hasLabels(_ selector: [String: String]) -> Bool { selector.allSatisfy { labels[$0.key] == $0.value } }
}

extension ClusterObject {
    var service: Service? { if case .service(let object) = self { object } else { nil } }
    var endpointSlice: EndpointSlice? { if case .endpointSlice(let object) = self { object } else { nil } }
    var endpoints: Endpoints? { if case .endpoints(let object) = self { object } else { nil } }
    var pod: Pod? { if case .pod(let object) = self { object } else { nil } }
    var node: Node? { if case .node(let object) = self { object } else { nil } }
}
