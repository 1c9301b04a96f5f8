internal import Base

extension Rule {
    /// Reads the arguments of a rule in any order, as `iptables-save` prints them behind the chain's name.
    ///
    /// Nil if there is anything in it that Portico never writes: such a rule is somebody else's, or was changed by
    /// somebody else, and reading it by half would make it look like one of ours.
    init?(arguments: some Sequence<String>) {
        var words = Words(arguments)
        var target: RuleTarget?
        var recent = RecentOptions()
        self.init(target: .accept)
        while let word = words.next() {
            switch word {
            case "-m":
                // Matches name their module first; the options that follow say it all.
                guard let module = words.next(), Self.modules.contains(module) else { return nil }
            case "-p":
                guard let name = words.next(), let known = TransportProtocol(name), known != .sctp else { return nil }
                transport = known
            case "-s":
                guard let range = words.nextPrefix() else { return nil }
                source = range
            case "-d":
                guard let range = words.nextPrefix() else { return nil }
                destination = range
            case "--dport":
                guard let range = words.nextPorts() else { return nil }
                ports = range
            case "--comment":
                guard let text = words.next() else { return nil }
                comment = text
            case "-i":
                guard let name = words.nextName() else { return nil }
                add(.interface(name))
            case "!":
                guard readNegated(&words) else { return nil }
            case "--src-type":
                guard words.next() == "LOCAL" else { return nil }
                add(.fromLocalAddress)
            case "--dst-type":
                guard words.next() == "LOCAL" else { return nil }
                isToLocalAddress = true
            case "--state":
                guard words.next() == "NEW" else { return nil }
                isForNewOnly = true
            case "--ctstate":
                guard let states = words.next().flatMap({ ConnectionStates($0) }) else { return nil }
                if states == .translated { isTranslated = true } else { add(.states(states, isIn: true)) }
            case "--mark":
                guard let bits = words.nextBits() else { return nil }
                add(.mark(bits, isSet: true))
            case "--mode":
                guard words.next() == "random", words.next() == "--probability",
                    let chance = words.next().flatMap({ Chance($0) })
                else { return nil }
                add(.chance(chance))
            case "--set", "--rcheck", "--seconds", "--reap", "--name", "--mask", "--rsource":
                guard recent.read(word, &words) else { return nil }
            case "--transparent":
                guard words.next() == "--nowildcard" else { return nil }
                isToTransparentSocket = true
            case "-j":
                guard target == nil, let named = RuleTarget(&words) else { return nil }
                target = named
            default:
                return nil
            }
        }
        // A port belongs to a transport.
        guard ports == nil || transport != nil else { return nil }
        guard recent == RecentOptions() || add(recent.match) else { return nil }
        // One that does nothing is there for what it says.
        guard target != nil || comment != nil else { return nil }
        self.target = target ?? .nothing
    }

    private static let modules: Set = [
        "comment", "tcp", "udp", "physdev", "addrtype", "state", "conntrack", "socket", "mark", "statistic", "recent",
    ]

    private mutating func readNegated(_ words: inout Words) -> Bool {
        switch words.next() {
        case "--physdev-is-in": isNotFromBridge = true
        case "-s": return add(words.nextPrefix().map { .notFrom($0) })
        case "-d": return add(words.nextPrefix().map { .notTo($0) })
        case "-i": return add(words.nextName().map { .notInterface($0) })
        case "--mark": return add(words.nextBits().map { .mark($0, isSet: false) })
        case "--ctstate":
            return add(words.next().flatMap { ConnectionStates($0) }.map { .states($0, isIn: false) })
        default: return false
        }
        return true
    }

    private mutating func add(_ match: RuleMatch?) -> Bool {
        guard let match else { return false }
        add(match)
        return true
    }
}

/// What the match `recent` is told, in whatever order.
private struct RecentOptions: Equatable {
    private var isOfSenders = false
    private var isSetting = false
    private var isChecking = false
    private var isReaping = false
    private var seconds: Int?
    private var name: String?

    mutating func read(_ word: String, _ words: inout Words) -> Bool {
        switch word {
        case "--set": isSetting = true
        case "--rcheck": isChecking = true
        case "--reap": isReaping = true
        case "--seconds":
            seconds = words.next().flatMap { Int($0) }
            return seconds != nil
        case "--name":
            name = words.nextName()
            return name != nil
        // Whole addresses, of senders: as it is where nobody says otherwise.
        case "--rsource": isOfSenders = true
        case "--mask":
            isOfSenders = true
            return ["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"].contains(words.next())
        default: break
        }
        return true
    }

    var match: RuleMatch? {
        guard let name else { return nil }
        if isSetting, !isChecking, !isReaping, seconds == nil { return .remember(list: name) }
        guard isChecking, isReaping, !isSetting, let seconds else { return nil }
        return .seen(list: name, seconds: seconds)
    }
}

extension RuleTarget {
    fileprivate init?(_ words: inout Words) {
        guard let name = words.next() else { return nil }
        switch name {
        case "REDIRECT":
            guard words.next() == "--to-ports", let port = words.nextPort() else { return nil }
            self = .redirect(port)
        case "DNAT":
            guard words.next() == "--to-destination", let text = words.next() else { return nil }
            if let port = text.first == ":" ? UInt16(text.dropFirst()) : nil {
                self = .dnatPort(port)
            } else if let address = EndpointAddress(text) {
                self = .dnat(address)
            } else {
                return nil
            }
        case "REJECT":
            guard words.next() == "--reject-with", let reply = words.next().flatMap(RejectReply.init(rawValue:))
            else { return nil }
            self = .reject(reply)
        case "MARK":
            guard words.next() == "--set-xmark", let (bits, mask) = words.nextMark() else { return nil }
            guard bits != 0, mask == bits || mask == 0 else { return nil }
            self = mask == bits ? .mark(bits) : .toggleMark(bits)
        case "MASQUERADE": self = .masquerade(randomPort: words.skip("--random-fully"))
        case "RETURN": self = .back
        case "ACCEPT": self = .accept
        case "DROP": self = .drop
        default:
            guard Words.isName(name) else { return nil }
            self = .jump(name)
        }
    }
}

/// The words of a rule, one after the other.
private struct Words {
    private var rest: ArraySlice<String>

    init(_ words: some Sequence<String>) { rest = Array(words)[...] }

    mutating func next() -> String? { rest.popFirst() }

    /// The name of a chain, a list or an interface, which Portico never puts in quotes.
    mutating func nextName() -> String? { next().flatMap { Self.isName($0) ? $0 : nil } }

    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""\'"#.utf8.contains($0) }
    }

    mutating func nextPort() -> UInt16? { next().flatMap { UInt16($0) } }

    /// `80` or `18000:29999`.
    mutating func nextPorts() -> ClosedRange<UInt16>? {
        let numbers = (next() ?? "").split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
        guard numbers.count <= 2, let first = numbers.first ?? nil, let last = numbers.last ?? nil, first <= last
        else { return nil }
        return first...last
    }

    /// Bits and mask: `0x2000/0x2000`.
    mutating func nextMark() -> (bits: UInt32, mask: UInt32)? {
        let numbers = next()?.split(separator: "/").map { number in
            number.hasPrefix("0x") ? UInt32(number.dropFirst(2), radix: 16) : nil
        }
        guard let numbers, numbers.count == 2, let bits = numbers[0], let mask = numbers[1] else { return nil }
        return (bits, mask)
    }

    /// Bits that are their own mask.
    mutating func nextBits() -> UInt32? { nextMark().flatMap { $0.bits == $0.mask && $0.bits != 0 ? $0.bits : nil } }

    mutating func skip(_ word: String) -> Bool {
        guard rest.first == word else { return false }
        rest.removeFirst()
        return true
    }

    /// An address stands for the range of itself alone.
    mutating func nextPrefix() -> IPPrefix? {
        guard let text = next() else { return nil }
        return IPPrefix(text) ?? IPAddress(text).flatMap(IPPrefix.init(host:))
    }
}
