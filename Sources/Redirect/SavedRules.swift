internal import Base

/// What `iptables-save` printed: all tables of a family with the rules of everybody.
public struct SavedRules: Sendable, Equatable {
    public struct Table: Sendable, Equatable {
        public var name: String
        public var chains: [Chain] = []
    }

    public struct Chain: Sendable, Equatable {
        public var name: String
        /// One of the kernel's own, which cannot be removed.
        public var isBuiltIn: Bool
        public var rules: [Rule] = []
    }

    public struct Rule: Sendable, Equatable {
        /// All behind `-A CHAIN `, as printed; put behind `-D CHAIN ` it deletes the rule.
        public var text: String
        /// The chain or target it leads to, if any.
        public var target: String?
        /// As a value, if it is one that Portico could have written.
        public var rule: Redirect.Rule?
    }

    public var tables: [Table] = []

    /// Reads the text of `iptables-save`, of one or several tables, with or without counters.
    ///
    /// - Throws: ``RedirectError/unreadable(line:text:)`` for what is no such text. Rules of unknown shape are fine.
    public init(_ text: String) throws(RedirectError) {
        var indices: [String: Int] = [:]
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            switch line.first {
            case nil, "#": continue
            case "*":
                tables.append(Table(name: String(line.dropFirst())))
                indices = [:]
            case ":":
                // `:INPUT ACCEPT [0:0]`, or `-` instead of a policy for a chain that somebody has made.
                let words = line.dropFirst().split(separator: " ")
                guard words.count >= 2, !tables.isEmpty else { throw .unreadable(line: number, text: String(line)) }
                let name = String(words[0])
                indices[name] = tables[tables.count - 1].chains.count
                tables[tables.count - 1].chains.append(Chain(name: name, isBuiltIn: words[1] != "-"))
            case "-", "[":
                let rule = line.first == "[" ? line.drop { $0 != " " }.dropFirst() : line
                let parts = rule.split(separator: " ", maxSplits: 2)
                guard parts.count == 3, parts[0] == "-A", let index = indices[String(parts[1])]
                else { throw .unreadable(line: number, text: String(line)) }
                tables[tables.count - 1].chains[index].rules.append(Rule(parts[2]))
            default:
                guard line == "COMMIT" else { throw .unreadable(line: number, text: String(line)) }
            }
        }
    }

    public subscript(_ table: String, _ chain: String) -> Chain? {
        tables.first { $0.name == table }?.chains.first { $0.name == chain }
    }
}

extension SavedRules.Rule {
    init(_ text: Substring) {
        let words = Self.words(text)
        self.text = String(text)
        rule = Redirect.Rule(arguments: words)
        target = words.firstIndex { $0 == "-j" || $0 == "-g" }.flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }

    /// Splits at blanks outside double quotes; a backslash takes the next character as it is.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        // Apart from `word`, because "" is a word, too.
        var isWithin = false
        var isQuoted = false
        var isEscaped = false
        for byte in text.utf8 {
            if !isEscaped, byte == UInt8(ascii: " "), !isQuoted {
                if isWithin { words.append(String(decoding: word, as: UTF8.self)) }
                word.removeAll(keepingCapacity: true)
                isWithin = false
                continue
            }
            isWithin = true
            if isEscaped {
                word.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else {
                word.append(byte)
            }
        }
        if isWithin { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}

extension RuleSet {
    /// What there is of `wanted` in a firewall: its chains, whatever is in them, and those of its jumps that are there.
    /// With it what else of Portico's is there, so that it can be removed.
    ///
    /// A chain that holds a rule of somebody else, or does not begin as it should, counts as missing, so that it is
    /// written anew.
    public init(_ wanted: RuleSet, in saved: SavedRules) {
        self.init(family: wanted.family)
        tables = wanted.tables.map { table in
            let chains = table.chains.compactMap { chain -> Chain? in
                guard let found = saved[table.name.rawValue, chain.name] else { return nil }
                let rules = found.rules.compactMap(\.rule)
                // Deleted by what Portico would write: what it does not write there goes with the whole chain.
                let isKnown =
                    chain.rules.contains(where: \.isOfKernelCarrier) || !rules.contains(where: \.isOfKernelCarrier)
                guard rules.count == found.rules.count, isKnown else {
                    // That one is there, as one that is to be written anew.
                    return chain.isShared ? nil : Chain(chain.name, isShared: false)
                }
                return chain.present(in: rules)
            }
            let jumps = table.jumps.filter { jump in
                saved[table.name.rawValue, jump.chain]?.rules.contains { $0.rule == jump.rule } ?? false
            }
            let rest = Table(unwantedBy: table, in: saved)
            return Table(name: table.name, chains: chains + rest.chains, jumps: jumps + rest.jumps)
        }
        for name in TableName.allCases where !wanted.tables.contains(where: { $0.name == name }) {
            let rest = Table(unwantedBy: Table(name: name), in: saved)
            if rest != Table(name: name) { tables.append(rest) }
        }
    }
}

extension Table {
    /// What Portico makes in the table only if it is asked to, and is there although it is not in `wanted`: left by a
    /// former process with other options.
    fileprivate init(unwantedBy wanted: Table, in saved: SavedRules) {
        self.init(name: wanted.name)
        for chain in ChainName.all(in: name) where !wanted.chains.contains(where: { $0.name == chain }) {
            guard let found = saved[name.rawValue, chain] else { continue }
            chains.append(Chain(chain, rules: found.rules.compactMap(\.rule)))
        }
        chains += Self.formerServices(beside: wanted, in: saved)
        jumps = Jump.all(in: name).filter { jump in
            !wanted.jumps.contains(jump)
                && saved[name.rawValue, jump.chain]?.rules.contains { $0.rule == jump.rule } ?? false
        }
    }

    /// Chains of service ports that are gone, where the kernel carries some: they may lead to some that are still there.
    /// What somebody else's chain leads to is left as it is.
    private static func formerServices(beside wanted: Table, in saved: SavedRules) -> [Chain] {
        let carries = wanted.chains.contains { $0.name == ServiceChainName.services }
        guard carries, wanted.name == .nat, let table = saved.tables.first(where: { $0.name == "nat" }) else {
            return []
        }
        let own = Set(wanted.chains.map(\.name))
        func isOwn(_ chain: String) -> Bool {
            own.contains(chain) || KubeProxyChains.isOfOneService(chain, in: "nat")
                || KubeProxyChains.isOwn(chain, in: "nat")
        }
        let needed = Set(table.chains.filter { !isOwn($0.name) }.flatMap(\.rules).compactMap(\.target))
        return table.chains.filter { chain in
            KubeProxyChains.isOfOneService(chain.name, in: "nat") && !own.contains(chain.name)
                && !needed.contains(chain.name)
        }.map { Chain($0.name, rules: $0.rules.compactMap(\.rule), isShared: false) }
    }
}
