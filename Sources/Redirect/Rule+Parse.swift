internal import Base

extension Rule {
    /// Reads the arguments of a rule in any order, as `iptables-save` prints them behind the chain's name.
    ///
    /// Nil if there is anything in it that Portico never writes: such a rule is somebody else's, or was changed by
    /// somebody else, and reading it by half would make it look like one of ours.
    init?(arguments: some Sequence<String>) {
        var words = Words(arguments)
        var target: RuleTarget?
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
            case "!":
                guard words.next() == "--physdev-is-in" else { return nil }
                isNotFromBridge = true
            case "--dst-type":
                guard words.next() == "LOCAL" else { return nil }
                isToLocalAddress = true
            case "--state":
                guard words.next() == "NEW" else { return nil }
                isForNewOnly = true
            case "--ctstate":
                guard words.next() == "DNAT" else { return nil }
                isTranslated = true
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
        guard let target, ports == nil || transport != nil else { return nil }
        self.target = target
    }

    private static let modules: Set = ["comment", "tcp", "udp", "physdev", "addrtype", "state", "conntrack", "socket"]
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
            guard words.next() == "--set-xmark", let bits = words.nextMark() else { return nil }
            self = .mark(bits)
        case "ACCEPT": self = .accept
        case "DROP": self = .drop
        default:
            // The name of a chain, which Portico never puts in quotes.
            guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !#""\'"#.utf8.contains($0) })
            else { return nil }
            self = .jump(name)
        }
    }
}

/// The words of a rule, one after the other.
private struct Words {
    private var rest: ArraySlice<String>

    init(_ words: some Sequence<String>) { rest = Array(words)[...] }

    mutating func next() -> String? { rest.popFirst() }

    mutating func nextPort() -> UInt16? { next().flatMap { UInt16($0) } }

    /// `80` or `18000:29999`.
    mutating func nextPorts() -> ClosedRange<UInt16>? {
        let numbers = (next() ?? "").split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
        guard numbers.count <= 2, let first = numbers.first ?? nil, let last = numbers.last ?? nil, first <= last
        else { return nil }
        return first...last
    }

    /// `0x2000/0x2000`: Portico's bit as its own mask, and no other.
    mutating func nextMark() -> UInt32? {
        let numbers = next()?.split(separator: "/").map { number in
            number.hasPrefix("0x") ? UInt32(number.dropFirst(2), radix: 16) : nil
        }
        return numbers == [PolicyRoute.mark, PolicyRoute.mark] ? PolicyRoute.mark : nil
    }

    /// An address stands for the range of itself alone.
    mutating func nextPrefix() -> IPPrefix? {
        guard let text = next() else { return nil }
        return IPPrefix(text) ?? IPAddress(text).flatMap(IPPrefix.init(host:))
    }
}
