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
/// A Service stands under one label of its selector: a pod that it selects has them all. Whoever finds a Service looks
/// at the others.
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

    /// Services that may select pods with these labels.
    func numbers(for labels: [String: String], in namespace: String) -> [UInt32] {
        if services.isEmpty { return [] }
        return labels.flatMap { label in
            services[NamespacedLabel(namespace: namespace, name: label.key, value: label.value)] ?? []
        }
    }

    private func count(at label: NamespacedLabel) -> Int { services[label]?.count ?? 0 }

    private static func labels(of service: Service) -> [NamespacedLabel] {
        service.spec.selector.map {
            NamespacedLabel(namespace: service.metadata.namespace, name: $0.key, value: $0.value)
        }
    }
}

/// What Services select by labels: pods, and what makes pods.
protocol Selectable: Sendable {
    var metadata: ObjectMeta { get }
    /// Those that selectors are about.
    var podLabels: [String: String] { get }
    var addresses: [IPAddress] { get }
}

extension Selectable {
    /// Whether it has all labels of a selector.
    func matches(_ selector: [String: String]) -> Bool {
        let labels = podLabels
        return selector.allSatisfy { labels[$0.key] == $0.value }
    }
}

extension Pod: Selectable {
    var podLabels: [String: String] { metadata.labels }
    var addresses: [IPAddress] { status.podIPs }
}

extension Workload: Selectable {
    var podLabels: [String: String] { template.labels }
    /// Its pods have none until a cluster runs them.
    var addresses: [IPAddress] { [] }
}

/// Objects of a kind by key, by label and by address.
struct SelectableTable<Key: Hashable & Sendable, Item: Selectable>: Sendable {
    private var table = NumberedTable<Key, Item>()
    private var labelled: [NamespacedLabel: Set<UInt32>] = [:]
    private var addresses = AddressIndex()

    subscript(key: Key) -> Item? { table[key] }

    /// Puts one in the place of the one with its key, or takes that one out.
    mutating func replace(_ key: Key, with item: Item?) {
        if let old = table[key], let number = table.number(of: key) {
            for address in old.addresses { addresses.remove(address, number) }
            for label in Self.labels(of: old) {
                labelled[label]?.remove(number)
                if labelled[label]?.isEmpty == true { labelled.take(label) }
            }
            table.remove(number)
        }
        guard let item else { return }
        let number = table.insert(key, item)
        for address in item.addresses { addresses.insert(address, number) }
        for label in Self.labels(of: item) { labelled[label, default: []].insert(number) }
    }

    /// Those of a namespace that have all the labels of a selector, in the order of their names; none for no selector.
    /// Looks only at those with the rarest label.
    func select(_ selector: [String: String], namespace: String) -> [Item] {
        if table.isEmpty { return [] }
        let rarest = selector.map { name, value in
            labelled[NamespacedLabel(namespace: namespace, name: name, value: value)] ?? []
        }.min { $0.count < $1.count }
        return (rarest ?? []).compactMap { table[$0]?.value }.filter { $0.matches(selector) }
            .sorted { $0.metadata.name < $1.metadata.name }
    }

    func items(at address: IPAddress) -> [Item] { addresses.numbers(at: address).compactMap { table[$0]?.value } }

    /// In no order.
    var all: [Item] { table.entries.map(\.value) }

    private static func labels(of item: Item) -> [NamespacedLabel] {
        item.podLabels.map {
            NamespacedLabel(namespace: item.metadata.namespace, name: $0.key, value: $0.value)
        }
    }
}
