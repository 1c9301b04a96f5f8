public import Base

/// A match that only the rules of kernel-carried Services have; a ``Rule`` has a list of them.
public enum RuleMatch: Hashable, Sendable {
    case notFrom(IPPrefix)
    case notTo(IPPrefix)
    /// Only what came in by this interface, or, with a `+` at its end, by those whose names begin so.
    case interface(String)
    case notInterface(String)
    /// Only what this host sends itself.
    case fromLocalAddress
    /// Only packets that have these bits of the mark set, or none of them.
    case mark(UInt32, isSet: Bool)
    /// Only packets in one of these states of their connection, or in none of them.
    case states(ConnectionStates, isIn: Bool)
    /// Only so much of all packets.
    case chance(Chance)
    /// Only clients that were put into the list of this name in the last seconds; others of that age are removed from it.
    case seen(list: String, seconds: Int)
    /// All; and their clients are put into the list of this name.
    case remember(list: String)

    /// In what order they are written, and compared: what makes no difference to the kernel shall make none here.
    fileprivate var rank: Int {
        switch self {
        case .notFrom: 0
        case .notTo: 1
        case .interface: 2
        case .notInterface: 3
        case .fromLocalAddress: 4
        case .mark: 5
        case .states: 6
        case .chance: 7
        case .seen: 8
        case .remember: 9
        }
    }
}

extension [RuleMatch] {
    /// In the order in which rules have them.
    var inOrder: [RuleMatch] { count < 2 ? self : sorted { $0.rank < $1.rank } }
}

/// What the kernel knows of the connection of a packet (`--ctstate`).
public struct ConnectionStates: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let invalid = ConnectionStates(rawValue: 1)
    public static let new = ConnectionStates(rawValue: 2)
    public static let related = ConnectionStates(rawValue: 4)
    public static let established = ConnectionStates(rawValue: 8)
    public static let translated = ConnectionStates(rawValue: 16)

    private static let names: [(ConnectionStates, String)] = [
        (.invalid, "INVALID"), (.new, "NEW"), (.related, "RELATED"), (.established, "ESTABLISHED"),
        (.translated, "DNAT"),
    ]

    /// Reads `RELATED,ESTABLISHED`; nil if there is an unknown word in it.
    init?(_ text: String) {
        self = []
        for word in text.split(separator: ",") {
            guard let (state, _) = Self.names.first(where: { $0.1 == word }) else { return nil }
            insert(state)
        }
        guard !isEmpty else { return nil }
    }

    var text: String { Self.names.filter { contains($0.0) }.map(\.1).joined(separator: ",") }
}

/// How much of all packets a rule takes, at random: as the kernel has it, in parts of 2³¹.
public struct Chance: Hashable, Sendable {
    private static let whole = 2_147_483_648.0
    private let parts: UInt32

    /// One of so many, from 1 on: as iptables makes it of the ten digits that kube-proxy writes.
    public init(oneOf count: Int) {
        parts = UInt32((Double(Self.digits(oneOf: count)) / Self.tenDigits * Self.whole).rounded())
    }

    /// Reads `0.33333333349`; nil for what is no number from 0 to 1.
    init?(_ text: String) {
        guard let value = Double(text), (0...1).contains(value) else { return nil }
        parts = UInt32((value * Self.whole).rounded())
    }

    /// From 0 to 1.
    public var share: Double { Double(parts) / Self.whole }

    private static let tenDigits = 10_000_000_000.0

    /// One part of so many, in parts of ten digits; a half goes to the even neighbour, as where kube-proxy is written.
    private static func digits(oneOf count: Int) -> Int {
        let (digits, rest) = 10_000_000_000.quotientAndRemainder(dividingBy: count)
        return 2 * rest > count || (2 * rest == count && digits % 2 == 1) ? digits + 1 : digits
    }

    /// What iptables makes this of again: the text that kube-proxy writes, where it is one part of a whole number.
    var text: String {
        let count = parts > 0 ? Int((Self.whole / Double(parts)).rounded()) : 0
        let isOne = count > 0 && Chance(oneOf: count) == self
        let digits = isOne ? Self.digits(oneOf: count) : Int((share * Self.tenDigits).rounded())
        let text = String(digits)
        return text.count > 10 ? "1.0000000000" : "0." + String(repeating: "0", count: 10 - text.count) + text
    }
}

extension RuleMatch {
    /// As iptables reads it, with a blank at its end.
    var text: String {
        switch self {
        case .notFrom(let range): "! -s \(range) "
        case .notTo(let range): "! -d \(range) "
        case .interface(let name): "-i \(name) "
        case .notInterface(let name): "! -i \(name) "
        case .fromLocalAddress: "-m addrtype --src-type LOCAL "
        case .mark(let bits, let isSet): "-m mark \(isSet ? "" : "! ")--mark \(bits.hexadecimal)/\(bits.hexadecimal) "
        case .states(let states, let isIn): "-m conntrack \(isIn ? "" : "! ")--ctstate \(states.text) "
        case .chance(let chance): "-m statistic --mode random --probability \(chance.text) "
        case .seen(let list, let seconds): "-m recent --name \(list) --rcheck --seconds \(seconds) --reap "
        case .remember(let list): "-m recent --name \(list) --set "
        }
    }
}

extension UInt32 {
    /// With `0x` in front.
    var hexadecimal: String { "0x" + String(self, radix: 16) }
}
