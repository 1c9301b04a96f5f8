internal import Base
internal import Objects

extension ClusterStore {
    /// Takes in what has changed.
    ///
    /// - Returns: what that may have changed about Services; nothing where objects are what they were.
    public mutating func apply(_ changes: ObjectChanges) -> DirtyServices {
        var dirty = DirtyServices()
        var touched = Touched()
        for (id, object) in changes.objects {
            switch id.kind {
            case .service: replace(service: id.key, with: object, &touched, &dirty)
            case .endpointSlice: replace(slice: id.key, with: object, &touched, &dirty)
            case .endpoints: replace(endpoints: id.key, with: object, &touched, &dirty)
            case .pod: replace(pod: id.key, with: object?.pod, &dirty)
            case .node: replace(node: id.key.name, with: object?.node, &dirty)
            case .deployment, .statefulSet, .daemonSet, .replicaSet, .job:
                replace(workload: id, with: object?.workload, &dirty)
            }
        }
        for (number, slices) in touched.records {
            records.modify(number) { $0.sliceObjects.apply(slices) }
            // Nobody speaks of this Service any more, so its number is free.
            if records[number]?.value.isEmpty == true { records.remove(number) }
        }
        return dirty
    }

    private mutating func replace(
        service key: ObjectKey, with object: ClusterObject?, _ touched: inout Touched, _ dirty: inout DirtyServices
    ) {
        let (old, new) = (records[key]?.service, object?.service)
        guard old != new else { return }
        dirty.keys.insert(key)
        let number = records.insert(key, Record())
        if let old {
            for address in old.spec.clusterIPs.compactMap(\.address) { clusterIPs.remove(address, number) }
            selectors.remove(old, number)
        }
        if let new {
            for address in new.spec.clusterIPs.compactMap(\.address) { clusterIPs.insert(address, number) }
            selectors.insert(new, number)
        }
        records.modify(number) { $0.serviceObject = object }
        touched.insert(number)
    }

    private mutating func replace(
        slice key: ObjectKey, with object: ClusterObject?, _ touched: inout Touched, _ dirty: inout DirtyServices
    ) {
        let former = owners[key]
        let old = former.flatMap { records[$0]?.value.sliceObjects[key.name] }
        let new = object?.endpointSlice
        let service = new?.serviceName.flatMap { $0.isEmpty ? nil : $0 }
        if new != nil, service == nil { strays.insert(key) } else { strays.remove(key) }
        guard old != new else { return }

        let owner = service.map { records.insert(ObjectKey(namespace: key.namespace, name: $0), Record()) }
        owners.replace(key, with: owner)
        // Most of a large slice is as it was.
        let isSame = former == owner ? EndpointSlice.Endpoint.isAtSamePlace : { _, _ in false }
        let (before, after) = (old?.endpoints ?? []).differing(from: owner == nil ? [] : new?.endpoints ?? [], isSame)
        if let former {
            for endpoint in before { remove(endpoint.address, endpoint.nodeName, former) }
            touched.records[former, default: [:]][key.name] = .some(nil)
            if let key = records[former]?.key { dirty.keys.insert(key) }
        }
        if let owner, let object {
            for endpoint in after { insert(endpoint.address, endpoint.nodeName, owner) }
            touched.records[owner, default: [:]][key.name] = object
            if let key = records[owner]?.key { dirty.keys.insert(key) }
        }
    }

    private mutating func replace(
        endpoints key: ObjectKey, with object: ClusterObject?, _ touched: inout Touched, _ dirty: inout DirtyServices
    ) {
        let (old, new) = (records[key]?.endpoints, object?.endpoints)
        guard old != new else { return }
        dirty.keys.insert(key)
        let number = records.insert(key, Record())
        for address in old?.addresses ?? [] { remove(address.ip, address.nodeName, number) }
        for address in new?.addresses ?? [] { insert(address.ip, address.nodeName, number) }
        records.modify(number) { $0.endpointsObject = object }
        touched.insert(number)
    }

    private mutating func replace(pod key: ObjectKey, with new: Pod?, _ dirty: inout DirtyServices) {
        let old = pods[key]
        guard old != new else { return }
        pods.replace(key, with: new)
        for pod in [old, new].compactMap(\.self) { dirty.keys.formUnion(services(selecting: pod)) }
        if let name = old?.spec.nodeName { namesOfPlaces.remove(name) }
        if let name = new?.spec.nodeName { namesOfPlaces.insert(name) }
    }

    private mutating func replace(workload id: ObjectID, with new: Workload?, _ dirty: inout DirtyServices) {
        let old = workloads[id]
        guard old != new else { return }
        workloads.replace(id, with: new)
        for workload in [old, new].compactMap(\.self) { dirty.keys.formUnion(services(selecting: workload)) }
    }

    private mutating func replace(node name: String, with new: Node?, _ dirty: inout DirtyServices) {
        let (before, after) = (Set(nodes[name]?.addresses ?? []), Set(new?.addresses ?? []))
        nodes[name] = new
        // What one Node gives to another in the same change is where it was.
        for address in before.subtracting(after) where addressesOfNodes.remove(address) {
            dirty.nodeAddresses.formSymmetricDifference([address])
        }
        for address in after.subtracting(before) where addressesOfNodes.insert(address) {
            dirty.nodeAddresses.formSymmetricDifference([address])
        }
    }

    // MARK: Indexes

    private mutating func insert(_ address: IPAddress?, _ node: String?, _ number: UInt32) {
        if let address { endpointAddresses.insert(address, number) }
        if let node { namesOfPlaces.insert(node) }
    }

    private mutating func remove(_ address: IPAddress?, _ node: String?, _ number: UInt32) {
        if let address { endpointAddresses.remove(address, number) }
        if let node { namesOfPlaces.remove(node) }
    }
}

/// The records that objects have been put into or taken out of, by number.
private struct Touched {
    /// With the slices that are to be put there by their names, nil for those that are to be taken out: a Service may
    /// have very many, and all that change at once are put into their order together.
    var records: [UInt32: [String: ClusterObject?]] = [:]

    mutating func insert(_ number: UInt32) { if records[number] == nil { records[number] = [:] } }
}

extension EndpointSlice.Endpoint {
    /// Whether both are the same to the indexes.
    fileprivate static func isAtSamePlace(_ a: Self, _ b: Self) -> Bool {
        a.address == b.address && a.nodeName == b.nodeName
    }
}

extension Endpoints {
    fileprivate var addresses: [Address] { subsets.flatMap { $0.notReadyAddresses + $0.addresses } }
}

extension Array {
    /// Both without the beginning and the end that they have in common.
    fileprivate func differing(
        from other: [Element], _ isSame: (Element, Element) -> Bool
    ) -> (ArraySlice<Element>, ArraySlice<Element>) {
        let start = zip(self, other).prefix(while: isSame).count
        let most = Swift.min(count, other.count) - start
        let end = zip(reversed(), other.reversed()).prefix(most).prefix(while: isSame).count
        return (self[start..<(count - end)], other[start..<(other.count - end)])
    }
}
