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
    for family in [RuleSet(family: .ipv4), RuleSet(family: .ipv6)] {
        // Whatever is there, what it takes to get rid of it can be said.
        let found = RuleSet(family, in: saved)
        try check(found.tables.allSatisfy { $0 != Table(name: $0.name) }, "a table that is told of has something")
    }
}
