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
    var pods = SelectableTable<ObjectKey, Pod>()
    /// Only explained and played; nothing else depends on them.
    var workloads = SelectableTable<ObjectID, Workload>()
    var nodes: [String: Node] = [:]
    var addressesOfNodes = CountedSet<IPAddress>()
    var namesOfPlaces = CountedSet<String>()

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

    /// The workloads whose pods a Service's selector would find, in the order of their names.
    public func workloads(for service: Service) -> [Workload] {
        workloads.select(service.spec.selector, namespace: service.metadata.namespace)
    }

    /// In no order. Takes time in proportion to how many there are.
    public var allPods: [Pod] { pods.all }
    /// In no order. Takes time in proportion to how many there are.
    public var allWorkloads: [Workload] { workloads.all }

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
        for pod in pods.items(at: address) { keys.formUnion(services(selecting: pod)) }
        return keys
    }

    /// Services that find their endpoints in pods, this one, or those of this workload, among them.
    func services(selecting item: some Selectable) -> [ObjectKey] {
        selectors.numbers(for: item.podLabels, in: item.metadata.namespace).compactMap { number in
            guard let entry = records[number], let service = entry.value.service, entry.value.mayUsePods,
                item.matches(service.spec.selector)
            else { return nil }
            return entry.key
        }
    }

    /// Services some of whose endpoints are meant for clients in certain zones. Looks at all endpoints: for the rare
    /// event that this node is in another zone.
    public func servicesWithZoneHints() -> Set<ObjectKey> {
        Set(
            records.entries.lazy.filter { $0.value.slices.contains { $0.endpoints.contains { !$0.zoneHints.isEmpty } } }
                .map(\.key))
    }
}

extension ClusterStore.Record {
    /// Pods count where nothing else says which endpoints there are. What is labelled headless says so only for a
    /// headless Service; what has no endpoints is no obstacle for pods that are played.
    fileprivate var mayUsePods: Bool {
        (endpoints.map { $0.metadata.isMarkedHeadless || $0.subsets.isEmpty } ?? true)
            && slices.allSatisfy { $0.metadata.isMarkedHeadless || $0.endpoints.isEmpty }
    }
}

extension ObjectMeta {
    fileprivate var isMarkedHeadless: Bool { labels[WellKnownLabel.headless] != nil }
}

extension ClusterObject {
    var service: Service? { if case .service(let object) = self { object } else { nil } }
    var endpointSlice: EndpointSlice? { if case .endpointSlice(let object) = self { object } else { nil } }
    var endpoints: Endpoints? { if case .endpoints(let object) = self { object } else { nil } }
    var pod: Pod? { if case .pod(let object) = self { object } else { nil } }
    var node: Node? { if case .node(let object) = self { object } else { nil } }
    var workload: Workload? { if case .workload(let object) = self { object } else { nil } }
}
