internal import Base

extension Rule: CustomStringConvertible {
    /// The rule as arguments of iptables, quoted as `iptables-restore` reads them, without command and chain.
    public var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    /// Writes a line: a command with its chain, and the rule.
    func write(to text: inout String, after command: String) {
        text += command
        write(to: &text)
        text += "\n"
    }

    private func write(to text: inout String) {
        if isForNewOnly, transport == nil { text += "-m state --state NEW " }
        // A jump's address type stands before its comment, a portal's after its addresses, as
        // kube-proxy wrote them.
        if isToLocalAddress, transport == nil { text += "-m addrtype --dst-type LOCAL " }
        if let comment { text += "-m comment --comment \(Self.quoted(comment)) " }
        if let transport {
            let name = transport.rawValue.lowercased()
            text += "-p \(name) "
            if let ports {
                text += "-m \(name) --dport \(ports.lowerBound)"
                text += ports.count == 1 ? " " : ":\(ports.upperBound) "
            }
        }
        if let destination { text += "-d \(destination) " }
        if let source { text += "-s \(source) " }
        if isNotFromBridge { text += "-m physdev ! --physdev-is-in " }
        if isToLocalAddress, transport != nil { text += "-m addrtype --dst-type LOCAL " }
        if isForNewOnly, transport != nil { text += "-m state --state NEW " }
        if isTranslated { text += "-m conntrack --ctstate DNAT " }
        if isToTransparentSocket { text += "-m socket --transparent --nowildcard " }
        text += "-j \(target)"
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
