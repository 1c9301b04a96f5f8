internal import Base
public import Cluster
public import Objects

/// What there is besides what is served, for people who get nothing of what they asked for: Services that a selection
/// leaves out, and other objects.
public struct ServiceCensus: Sendable {
    /// Of Services that are left out.
    private var leftOut: [ObjectKey: [String: String]] = [:]
    /// Other objects by kind.
    private var others: [ObjectKind: Int] = [:]
    private var known: Set<ObjectID> = []
    /// Services that are not left out.
    private var included: Set<ObjectKey> = []

    /// So many namespaces or labels are told.
    private static let most = 10

    public init() {}

    /// Takes in what has changed.
    ///
    /// - Returns: the changes without what is left out.
    public mutating func take(_ changes: ObjectChanges, includes: (Service) -> Bool) -> ObjectChanges {
        var selected = ObjectChanges()
        for (id, object) in changes.objects {
            switch object {
            case .service(let service)? where !includes(service):
                leftOut[id.key] = service.metadata.labels
                included.remove(id.key)
                selected.remove(id)
            case let object?:
                note(id)
                selected.update(object)
            case nil:
                forget(id)
                selected.remove(id)
            }
        }
        return selected
    }

    private mutating func note(_ id: ObjectID) {
        guard id.kind != .service else {
            leftOut.take(id.key)
            included.insert(id.key)
            return
        }
        // Only how many there are matters; of what serves, a cluster has very many.
        guard id.kind.isWorkload || id.kind == .pod, known.insert(id).inserted else { return }
        others[id.kind, default: 0] += 1
    }

    private mutating func forget(_ id: ObjectID) {
        if id.kind == .service {
            leftOut.take(id.key)
            included.remove(id.key)
        } else if known.remove(id) != nil {
            others[id.kind, default: 1] -= 1
        }
    }

    /// Why there is no Service to serve, and what there is instead; nil if there is one.
    ///
    /// - Parameter selection: as it was asked for, `-n shop -l app=web`; empty for all.
    public func emptiness(selection: String) -> String? {
        guard included.isEmpty else { return nil }
        guard !leftOut.isEmpty else {
            let kinds = others.filter { $0.value > 0 }.sorted {
                ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue)
            }
            .map { "\($0.value) \($0.key.rawValue)\($0.value == 1 ? "" : "s")" }
            let there = kinds.isEmpty ? "" : ", only \(kinds.joined(separator: ", "))"
            return (selection.isEmpty ? "there are no Services" : "no Service for \(selection): there are none at all")
                + there
        }
        let namespaces = Dictionary(grouping: leftOut.keys, by: \.namespace).mapValues(\.count)
        var there = "there are \(leftOut.count) in " + Self.list(namespaces) { "\($0) (\($1))" }
        if namespaces.count == 1, let only = namespaces.keys.first { there = "there are \(leftOut.count) in \(only)" }
        if leftOut.count == 1, let only = leftOut.keys.first { there = "there is \(only)" }
        if selection.contains("-l ") {
            let labels = leftOut.values.flatMap { $0.map { "\($0.key)=\($0.value)" } }
            let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
            there += counts.isEmpty ? ", without labels" : ", with the labels " + Self.list(counts) { name, _ in name }
        }
        return "no Service for \(selection): \(there)"
    }

    /// The most frequent first.
    private static func list(_ counts: [String: Int], _ text: (String, Int) -> String) -> String {
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let shown = sorted.prefix(most).map { text($0.key, $0.value) }.joined(separator: ", ")
        return sorted.count > most ? "\(shown) and \(sorted.count - most) more" : shown
    }
}
