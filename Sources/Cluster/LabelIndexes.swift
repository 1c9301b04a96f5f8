internal import Base
internal import Objects

/// A label of the objects in one namespace.
struct NamespacedLabel: Hashable, Sendable {
    let namespace: String
    let name: String
    let value: String
}

/// Services by what they select pods by.
///
/// A Service stands under one label of its selector: a pod that it selects has them all. Whoever finds a Service looks at the
/// others.
struct SelectorIndex: Sendable {
    private var services: [NamespacedLabel: Set<UInt32>] = [:]

    mutating func insert(_ service: Service, _ number: UInt32) {
        // A label that many have in common would have every pod with it ask them all.
        let rarest = Self.labels(of: service).min { (count(at: $0), $0.name) < (count(at: $1), $1.name) }
        if let rarest { services[rarest, default: []].insert(number) }
    }

    mutating func remove(_ service: Service, _ number: UInt32) {
        for label in Self.labels(of: service) where services[label]?.remove(number) != nil {
            if services[label]?.isEmpty == true { services.take(label) }
        }
    }

    /// Services that may select an object.
    func numbers(for object: ObjectMeta) -> [UInt32] {
        if services.isEmpty { return [] }
        return object.labels.flatMap { label in
            services[NamespacedLabel(namespace: object.namespace, name: label.key, value: label.value)] ?? []
        }
    }

    private func count(at label: NamespacedLabel) -> Int { services[label]?.count ?? 0 }

    private static func labels(of service: Service) -> [NamespacedLabel] {
        service.spec.selector.map {
            NamespacedLabel(namespace: service.metadata.namespace, name: $0.key, value: $0.value)
        }
    }
}

/// Pods by key, by label and by address.
struct PodTable: Sendable {
    private var table = NumberedTable<ObjectKey, Pod>()
    private var labelled: [NamespacedLabel: Set<UInt32>] = [:]
    private var addresses = AddressIndex()

    subscript(key: ObjectKey) -> Pod? { table[key] }

    /// Puts a pod in the place of the one with its key, or takes that one out.
    mutating func replace(_ key: ObjectKey, with pod: Pod?) {
        if let old = table[key], let number = table.number(of: key) {
            for address in old.status.podIPs { addresses.remove(address, number) }
            for label in Self.labels(of: old) {
                labelled[label]?.remove(number)
                if labelled[label]?.isEmpty == true { labelled.take(label) }
            }
            table.remove(number)
        }
        guard let pod else { return }
        let number = table.insert(key, pod)
        for address in pod.status.podIPs { addresses.insert(address, number) }
        for label in Self.labels(of: pod) { labelled[label, default: []].insert(number) }
    }

    /// The pods of a namespace that have all the labels of a selector, in the order of their names; none for no selector.
    /// Looks only at those with the rarest label.
    func select(_ selector: [String: String], namespace: String) -> [Pod] {
        if table.isEmpty { return [] }
        let rarest = selector.map { name, value in
            labelled[NamespacedLabel(namespace: namespace, name: name, value: value)] ?? []
        }.min { $0.count < $1.count }
        return (rarest ?? []).compactMap { table[$0]?.value }.filter { $0.metadata.hasLabels(selector) }
            .sorted { $0.metadata.name < $1.metadata.name }
    }

    func pods(at address: IPAddress) -> [Pod] { addresses.numbers(at: address).compactMap { table[$0]?.value } }

    private static func labels(of pod: Pod) -> [NamespacedLabel] {
        pod.metadata.labels.map {
            NamespacedLabel(namespace: pod.metadata.namespace, name: $0.key, value: $0.value)
        }
    }
}
