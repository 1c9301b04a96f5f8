/// Service ports of a worker that have something in common, such as clients that wait: who has to do with those finds
/// them without a look at all the others. A worker may have ten thousand service ports, and most of them are quiet.
struct PortGroup {
    private var members: [ObjectIdentifier: PortState] = [:]
    /// How many service ports were looked at so far: tests see by it that work is in proportion.
    private(set) var visits = 0

    var isEmpty: Bool { members.isEmpty }

    mutating func insert(_ port: PortState) { members[ObjectIdentifier(port)] = port }

    /// Nothing happens if it is no member.
    mutating func remove(_ port: PortState) { members[ObjectIdentifier(port)] = nil }

    /// All members as of now, in no order; the group may change while they are gone through.
    mutating func visit() -> [PortState] {
        visits += members.count
        return Array(members.values)
    }
}
