public import Base

/// All that Portico wants to be in the firewall of one family: its own chains, and the jumps that lead to them.
///
/// What else is in the tables belongs to others and appears nowhere in it.
public struct RuleSet: Hashable, Sendable {
    public var family: IPAddress.Family
    /// In the order in which they are applied.
    public var tables: [Table]

    public init(family: IPAddress.Family, tables: [Table] = []) {
        self.family = family
        self.tables = tables
    }

    public subscript(_ name: TableName) -> Table {
        tables.first { $0.name == name } ?? Table(name: name)
    }
}

public enum TableName: String, Hashable, Sendable, CaseIterable {
    case filter, nat, mangle
}

/// Portico's part of one table.
public struct Table: Hashable, Sendable {
    public var name: TableName
    /// Its own chains, all of them, even if empty.
    public var chains: [Chain]
    /// What leads to them from the built-in chains.
    public var jumps: [Jump]

    public init(name: TableName, chains: [Chain] = [], jumps: [Jump] = []) {
        self.name = name
        self.chains = chains
        self.jumps = jumps
    }

    /// The rules of a chain; none if it is not there.
    public subscript(_ chain: String) -> [Rule] {
        chains.first { $0.name == chain }?.rules ?? []
    }
}

/// A chain of Portico's own.
public struct Chain: Hashable, Sendable {
    public var name: String
    public var rules: [Rule]
    /// So many rules have to stand at its beginning, in this order. Of all others only the order of those matters that
    /// are for one portal.
    public var head: Int
    /// And so many at its end.
    public var tail: Int
    /// It has rules of many Services, each of which changes by itself. One that has not is always written as a whole.
    public var isShared: Bool

    public init(_ name: String, rules: [Rule] = [], head: Int = 0, tail: Int = 0, isShared: Bool = true) {
        self.name = name
        self.rules = rules
        self.head = head
        self.tail = tail
        self.isShared = isShared
    }

    /// Puts rules of Services where they belong.
    mutating func add(_ written: [Rule]) {
        // Shared where it can be: those of a whole cluster take megabytes.
        if rules.isEmpty { rules = written } else { rules.insert(contentsOf: written, at: rules.count - tail) }
    }

    /// This chain, as far as it is there, if these rules are: nil where something of it is not as it has to be, so that it
    /// is to be written anew.
    func present(in found: [Rule]) -> Chain? {
        var present = self
        present.rules = found
        // One that is written as a whole is there, whatever is in it.
        guard isShared else { return present }
        let (first, last) = (rules.prefix(head), rules.suffix(tail))
        guard found.count >= head + tail, found.starts(with: first), found.suffix(tail).elementsEqual(last) else {
            return nil
        }
        // A second one would be taken for the first.
        guard !found.dropFirst(head).dropLast(tail).contains(where: { first.contains($0) || last.contains($0) })
        else { return nil }
        return present
    }
}

/// A rule in a built-in chain that leads to one of Portico's own.
public struct Jump: Hashable, Sendable {
    public enum Position: Hashable, Sendable {
        case first, last
    }

    /// The built-in chain.
    public var chain: String
    /// Where it is put if it is not there. One that is there is never moved: others may have put
    /// theirs before it on purpose.
    public var position: Position
    public var rule: Rule

    public init(in chain: String, _ position: Position, _ rule: Rule) {
        self.chain = chain
        self.position = position
        self.rule = rule
    }
}
