internal import Base
public import Objects

/// Who has what only one may have, and who is next in line.
///
/// A claimant says which resources it wants; each has one holder. A holder keeps what it has for as long as it wants
/// it, also against somebody older who comes later, so that nothing moves while it is in use. What nobody has, or its
/// holder gives up, goes to the first in line: by the time since which a claimant exists (one without a time comes
/// last), then by its order. The outcome depends on who held what before and on who wants what now, never on the order
/// in which that was said.
public struct ClaimTable<Resource: Hashable & Sendable, Claimant: Hashable & Comparable & Sendable>: Sendable {
    /// What one claimant wants: all of it, in place of what it wanted before.
    public struct Wish: Hashable, Sendable {
        /// Each once.
        public var resources: [Resource]
        /// Since when the claimant exists.
        public var since: Timestamp?

        public init(_ resources: [Resource] = [], since: Timestamp? = nil) {
            self.resources = resources
            self.since = since
        }
    }

    /// What a change came to.
    public struct Outcome: Sendable {
        /// What has another holder than before, or none; with the holder that it had.
        public var moved: [Resource: Claimant?] = [:]
        /// Who got something, who gave something up, and who waits for somebody else than before. That somebody began
        /// or ended to wait is no news to others.
        public var affected: Set<Claimant> = []
    }

    private struct Line {
        var holder: Claimant?
        /// In the order in which it goes to them. Mostly nobody.
        var waiting: [Claimant] = []
    }

    private var wishes: [Claimant: Wish] = [:]
    /// Resources that somebody wants.
    private var lines: [Resource: Line] = [:]

    public init() {}

    /// A table in which these have what they had, until they say what they want.
    public init(holders: [Resource: Claimant]) {
        for (resource, holder) in holders {
            lines[resource] = Line(holder: holder)
            wishes[holder, default: Wish()].resources.append(resource)
        }
    }

    // MARK: Asking

    public func holder(of resource: Resource) -> Claimant? { lines[resource]?.holder }

    /// Those who would have it if its holder gave it up, the next one first.
    public func waiting(for resource: Resource) -> [Claimant] { lines[resource]?.waiting ?? [] }

    public var holders: [Resource: Claimant] { lines.compactMapValues(\.holder) }

    /// All who want something.
    public var claimants: some Collection<Claimant> { wishes.keys }

    // MARK: Changes

    /// These want something else now; a claimant that is gone wants nothing. All of it happens at once.
    public mutating func update(_ changes: [Claimant: Wish]) -> Outcome {
        var outcome = Outcome()
        var vacant: [Resource: Claimant?] = [:]
        for (claimant, wish) in changes where wish != wishes[claimant, default: Wish()] {
            replace(wishes[claimant, default: Wish()], of: claimant, with: wish, &vacant)
        }
        // Only now does everybody stand where he wants to.
        for (resource, former) in vacant { settle(resource, former, &outcome) }
        return outcome
    }

    private mutating func replace(
        _ old: Wish, of claimant: Claimant, with new: Wish, _ vacant: inout [Resource: Claimant?]
    ) {
        let (before, after) = (Set(old.resources), Set(new.resources))
        // Whoever is older or younger than he was said to be waits elsewhere in line.
        let moves = old.since != new.since
        for resource in before where moves || !after.contains(resource) {
            leave(resource, claimant, isGivenUp: !after.contains(resource), &vacant)
        }
        wishes.replace(claimant, with: new.resources.isEmpty ? nil : new)
        for resource in after where moves || !before.contains(resource) {
            join(resource, claimant, &vacant)
        }
    }

    private mutating func leave(
        _ resource: Resource, _ claimant: Claimant, isGivenUp: Bool, _ vacant: inout [Resource: Claimant?]
    ) {
        if lines[resource]?.holder != claimant {
            lines[resource]?.waiting.removeAll { $0 == claimant }
        } else if isGivenUp {
            lines[resource]?.holder = nil
            vacant.updateValue(claimant, forKey: resource)
        }
    }

    private mutating func join(_ resource: Resource, _ claimant: Claimant, _ vacant: inout [Resource: Claimant?]) {
        guard let line = lines[resource] else {
            lines[resource] = Line(waiting: [claimant])
            vacant.updateValue(nil, forKey: resource)
            return
        }
        guard line.holder != claimant else { return }
        let place = line.waiting.firstIndex { isAhead(claimant, of: $0) } ?? line.waiting.endIndex
        lines[resource]?.waiting.insert(claimant, at: place)
    }

    /// Gives what nobody has to the first in line.
    private mutating func settle(_ resource: Resource, _ former: Claimant?, _ outcome: inout Outcome) {
        guard var line = lines[resource] else { return }
        outcome.moved.updateValue(former, forKey: resource)
        if let former { outcome.affected.insert(former) }
        outcome.affected.formUnion(line.waiting)
        guard !line.waiting.isEmpty else {
            lines.take(resource)
            return
        }
        line.holder = line.waiting.removeFirst()
        lines[resource] = line
    }

    private func isAhead(_ a: Claimant, of b: Claimant) -> Bool {
        switch (wishes[a]?.since, wishes[b]?.since) {
        case (let first?, let second?) where first != second: first < second
        case (_?, nil): true
        case (nil, _?): false
        default: a < b
        }
    }
}
