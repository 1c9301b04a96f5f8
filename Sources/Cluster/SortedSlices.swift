internal import Objects

/// The EndpointSlices of one Service, in the order of their names, so that nothing depends on the order in which they
/// came.
///
/// Mostly one or two, and sometimes tens of thousands: what one change costs is in proportion to how many there are,
/// and many changes at once cost little more.
struct SortedSlices: Sendable {
    private var objects: [ClusterObject] = []

    var isEmpty: Bool { objects.isEmpty }
    var all: [EndpointSlice] { objects.compactMap(\.endpointSlice) }

    subscript(name: String) -> EndpointSlice? {
        var (low, high) = (0, objects.count)
        while low < high {
            let middle = (low + high) / 2
            if objects[middle].sliceName < name { low = middle + 1 } else { high = middle }
        }
        guard low < objects.count, objects[low].sliceName == name else { return nil }
        return objects[low].endpointSlice
    }

    /// Puts slices in the places of those of their names, and takes out those that are nil.
    mutating func apply(_ changes: [String: ClusterObject?]) {
        guard !changes.isEmpty else { return }
        var (merged, next) = ([ClusterObject](), 0)
        merged.reserveCapacity(objects.count + changes.count)
        for (name, object) in changes.sorted(by: { $0.key < $1.key }) {
            while next < objects.count, objects[next].sliceName < name {
                merged.append(objects[next])
                next += 1
            }
            if next < objects.count, objects[next].sliceName == name { next += 1 }
            if let object { merged.append(object) }
        }
        merged += objects[next...]
        objects = merged
    }
}

extension ClusterObject {
    fileprivate var sliceName: String { endpointSlice?.metadata.name ?? "" }
}
