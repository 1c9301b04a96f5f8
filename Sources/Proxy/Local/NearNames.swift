internal import Base
internal import Objects

/// What somebody may have meant who has named a Service that is not there.
enum NearNames {
    private static let most = 3

    /// The nearest first.
    static func of(_ wanted: ObjectKey, among keys: some Sequence<ObjectKey>) -> [ObjectKey] {
        let rated = keys.compactMap { key in distance(from: wanted, to: key).map { (distance: $0, key: key) } }
        return rated.sorted { ($0.distance, $0.key) < ($1.distance, $1.key) }.prefix(most).map(\.key)
    }

    /// Nil if it is hardly meant.
    private static func distance(from wanted: ObjectKey, to key: ObjectKey) -> Int? {
        let elsewhere = wanted.namespace == key.namespace ? 0 : 1
        if wanted.name == key.name { return elsewhere }
        let (a, b) = (Array(wanted.name.utf8), Array(key.name.utf8))
        // Such as `cart` for `cart-service`.
        if min(a.count, b.count) > 2, key.name.contains(wanted.name) || wanted.name.contains(key.name) {
            return 2 + elsewhere
        }
        let limit = min(a.count, b.count) < 4 ? 1 : 2
        guard abs(a.count - b.count) <= limit else { return nil }
        let edits = NearMiss.edits(a, b)
        return edits <= limit ? edits + elsewhere : nil
    }
}
