internal import Base

extension Rule: CustomStringConvertible {
    /// The rule as arguments of iptables, quoted as `iptables-restore` reads them, without command and chain.
    public var description: String {
        var words: [String] = []
        if isForNewOnly, transport == nil { words.append("-m state --state NEW") }
        // A jump's address type stands before its comment, a portal's after its addresses, as
        // kube-proxy wrote them.
        if isToLocalAddress, transport == nil { words.append("-m addrtype --dst-type LOCAL") }
        if let comment { words.append("-m comment --comment \(Self.quoted(comment))") }
        if let transport {
            let name = transport.rawValue.lowercased()
            words.append("-p \(name)")
            if let ports {
                let last = ports.count == 1 ? "" : ":\(ports.upperBound)"
                words.append("-m \(name) --dport \(ports.lowerBound)\(last)")
            }
        }
        if let destination { words.append("-d \(destination)") }
        if let source { words.append("-s \(source)") }
        if isNotFromBridge { words.append("-m physdev ! --physdev-is-in") }
        if isToLocalAddress, transport != nil { words.append("-m addrtype --dst-type LOCAL") }
        if isForNewOnly, transport != nil { words.append("-m state --state NEW") }
        if isTranslated { words.append("-m conntrack --ctstate DNAT") }
        if isToTransparentSocket { words.append("-m socket --transparent --nowildcard") }
        words.append("-j \(target)")
        return words.joined(separator: " ")
    }

    private static func quoted(_ text: String) -> String {
        // Not by characters, where a quote with an accent on it would be something else than a quote.
        var result = "\"".unicodeScalars
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result.append("\\") }
            result.append(scalar)
        }
        result.append("\"")
        return String(result)
    }
}

extension RuleTarget: CustomStringConvertible {
    public var description: String {
        switch self {
        case .redirect(let port): "REDIRECT --to-ports \(port)"
        case .dnat(let address): "DNAT --to-destination \(address)"
        case .dnatPort(let port): "DNAT --to-destination :\(port)"
        case .accept: "ACCEPT"
        case .drop: "DROP"
        case .reject(let reply): "REJECT --reject-with \(reply.rawValue)"
        case .jump(let chain): chain
        case .mark(let bits):
            // As iptables-save prints it: bits and mask.
            "MARK --set-xmark 0x\(String(bits, radix: 16))/0x\(String(bits, radix: 16))"
        }
    }
}
