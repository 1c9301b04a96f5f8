internal import Base
internal import Objects

/// What Services have given up while the kernel's rules may still lead there.
///
/// Rules follow the resolution in their own time, and until then somebody who dials such an address comes back to the
/// proxy.
struct FormerPortals: Sendable {
    private struct Entry: Sendable {
        let owner: ObjectKey
        /// The first resolution in which it was given up.
        let revision: Int
    }

    private var entries: [PortalAddress: Entry]

    init(_ owners: [PortalAddress: ObjectKey] = [:]) {
        entries = owners.mapValues { Entry(owner: $0, revision: 0) }
    }

    var owners: [PortalAddress: ObjectKey] { entries.mapValues(\.owner) }

    /// Who had it last; nil if no rule leads there.
    func owner(of place: PortalAddress) -> ObjectKey? { entries[place]?.owner }

    mutating func insert(_ place: PortalAddress, of owner: ObjectKey, at revision: Int) {
        entries[place] = Entry(owner: owner, revision: revision)
    }

    /// The rules of `revision` are in force, and they know nothing of what had been given up by then.
    ///
    /// - Returns: what that was.
    mutating func removeAll(upTo revision: Int) -> [PortalAddress] {
        if entries.isEmpty { return [] }
        let gone = entries.filter { $0.value.revision <= revision }.map(\.key)
        for place in gone { entries.take(place) }
        return gone
    }
}
