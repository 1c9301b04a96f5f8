import Base

@testable import Redirect

/// What `iptables-save` printed, and each rule of it that is taken for one of Portico's.
func fuzzSavedRules(_ bytes: [UInt8]) throws(FuzzFailure) {
    guard let saved = try? SavedRules(String(decoding: bytes, as: UTF8.self)) else { return }
    for chain in saved.tables.flatMap(\.chains) {
        for found in chain.rules {
            guard let rule = found.rule else { continue }
            // As a transaction would write it, the kernel keeps it, and it is read back.
            let text = "*nat\n:\(ChainName.portalsHost) - [0:0]\n-A \(ChainName.portalsHost) \(rule)\nCOMMIT\n"
            guard let again = try? SavedRules(text), let read = again["nat", ChainName.portalsHost]?.rules else {
                throw FuzzFailure(description: "what was written cannot be read: \(rule)")
            }
            try check(read.map(\.rule) == [rule], "\(read) is \(rule)")
        }
    }
    for family in IPAddress.Family.allCases {
        // Whatever is there, what it takes to get rid of it can be said.
        let found = RuleSet(RuleSet(family: family), in: saved)
        try check(found.tables.allSatisfy { $0 != Table(name: $0.name) }, "a table that is told of has something")
        // And what it takes to bring it to what a node wants.
        let host = family == .ipv4 ? IPAddress(v4: 0xC0A8_0105) : IPAddress(v6High: 0xFD00 << 48, low: 5)
        let node = NodeRedirection(networks: [family: NodeNetwork(hostIP: host)], preservesSource: true)
        guard let wanted = RuleSet(KernelChange(node: node), family) else { continue }
        let present = RuleSet(wanted, in: saved)
        let transaction = wanted.transaction(from: present)
        if present == wanted { try check(transaction == nil, "there is something to do where all is as it should be") }
    }
}
