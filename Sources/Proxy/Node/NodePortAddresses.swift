internal import Base

/// Which addresses of the node take node ports: `--nodeport-addresses` (docs/behaviour.md, B8.4).
public struct NodePortAddresses: Hashable, Sendable {
    private var ranges: [IPPrefix]
    private var includesPrimary: Bool

    /// All addresses of the node.
    public static let all = NodePortAddresses(ranges: [], includesPrimary: false)

    private init(ranges: [IPPrefix], includesPrimary: Bool) {
        self.ranges = ranges
        self.includesPrimary = includesPrimary
    }

    /// Reads a list of ranges; the words `primary` (the node's own addresses), `localhost` and `all` stand for some.
    ///
    /// - Returns: nil for a word that is none of these.
    public init?(_ words: [String]) {
        self = .all
        for word in words where !word.isEmpty {
            switch word {
            case "primary": includesPrimary = true
            case "localhost": ranges += ["127.0.0.0/8", "::1/128"].compactMap { IPPrefix($0) }
            case "all": ranges += ["0.0.0.0/0", "::/0"].compactMap { IPPrefix($0) }
            default:
                guard let range = IPPrefix(word) else { return nil }
                ranges.append(range)
            }
        }
    }

    /// Whether node ports are at IPv4's loopback addresses too.
    public var includesLocalhost: Bool {
        guard let localhost = IPAddress("127.0.0.1") else { return false }
        let own = ranges.filter { $0.family == .ipv4 }
        // Ranges of the other family alone restrict nothing in this one.
        return own.isEmpty ? !includesPrimary : own.contains { $0.contains(localhost) }
    }

    /// The ranges of one family; empty means all addresses.
    ///
    /// - Parameter primary: the node's address in that family.
    func ranges(for family: IPAddress.Family, primary: IPAddress?) -> [IPPrefix] {
        var found = ranges.filter { $0.family == family }
        if includesPrimary, let own = primary.flatMap(IPPrefix.init(host:)) { found.append(own) }
        return found.contains { $0.length == 0 } ? [] : found
    }
}

extension NodePortAddresses: CustomStringConvertible {
    /// As `--nodeport-addresses` takes it; empty for all.
    public var description: String {
        (ranges.map(\.description) + (includesPrimary ? ["primary"] : [])).joined(separator: ",")
    }
}
