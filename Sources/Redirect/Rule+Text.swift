internal import Base

extension Rule: CustomStringConvertible {
    /// The rule as arguments of iptables, quoted as `iptables-restore` reads them, without command and chain.
    public var description: String {
        var text = ""
        write(to: &text, isJump: false)
        return text
    }

    /// Writes a line: a command with its chain, and the rule.
    ///
    /// - Parameter isJump: it stands in a built-in chain. There kube-proxy has the comment behind the matches, and
    ///   everywhere else before them; where the order is another one, the older kind of iptables takes a rule for another.
    func write(to text: inout String, after command: String, isJump: Bool = false) {
        text += command
        write(to: &text, isJump: isJump)
        text += "\n"
    }

    private func write(to text: inout String, isJump: Bool) {
        if isJump { writeJumpMatches(to: &text) }
        if let comment { text += "-m comment --comment \(Self.quoted(comment)) " }
        if let transport {
            let name = transport.rawValue.lowercased()
            text += "-p \(name) "
            if let ports {
                text += "-m \(name) --dport \(ports.lowerBound)"
                text += ports.count == 1 ? " " : ":\(ports.upperBound) "
            } else if case .dnat = target {
                text += "-m \(name) "
            }
        }
        if let destination { text += "-d \(destination) " }
        if let source { text += "-s \(source) " }
        if isNotFromBridge { text += "-m physdev ! --physdev-is-in " }
        if !isJump, isToLocalAddress { text += "-m addrtype --dst-type LOCAL " }
        if !isJump, isForNewOnly { text += "-m state --state NEW " }
        if isTranslated { text += "-m conntrack --ctstate DNAT " }
        if isToTransparentSocket { text += "-m socket --transparent --nowildcard " }
        if !isJump { for match in matches { text += match.text } }
        if target != .nothing { text += "-j \(target)" } else if text.last == " " { text.removeLast() }
    }

    private func writeJumpMatches(to text: inout String) {
        if isForNewOnly { text += "-m state --state NEW " }
        if isToLocalAddress { text += "-m addrtype --dst-type LOCAL " }
        for match in matches { text += match.text }
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
            "MARK --set-xmark \(bits.hexadecimal)/\(bits.hexadecimal)"
        case .toggleMark(let bits): "MARK --set-xmark \(bits.hexadecimal)/0x0"
        case .masquerade(let randomPort): randomPort ? "MASQUERADE --random-fully" : "MASQUERADE"
        case .back: "RETURN"
        case .nothing: ""
        }
    }
}
