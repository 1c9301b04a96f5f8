internal import Base
internal import Objects

extension NameTable {
    /// Seconds that answers may be remembered: manifests change while they are being worked on.
    static let timeToLive: UInt32 = 5
    /// How many names may lead from one to the next, which may be in circles.
    static let mostAliases = 8

    /// What comes of one question.
    struct Answer {
        var result = DNSResult.success
        var isAuthoritative = true
        var answers: [DNSRecord] = []
        var authority: [DNSRecord] = []
        var additional: [DNSRecord] = []
    }

    /// Answers `question`.
    ///
    /// - Parameter turn: any number; it decides which of several addresses comes first, for clients that use only that.
    func answer(_ question: DNSQuestion, turn: Int) -> Answer {
        let isTransfer = question.type == .axfr || question.type == .ixfr
        guard question.questionClass == .internet || question.questionClass == .any, !isTransfer else {
            return .refusal
        }
        var answer = Answer()
        var (name, (match, zone)) = (question.name, match(question.name))
        if case .foreign = match { return .refusal }
        for _ in 0..<Self.mostAliases {
            guard case .node(let node) = match, let alias = node.alias else { break }
            answer.answers.append(DNSRecord(name: name, timeToLive: Self.timeToLive, data: .cname(alias)))
            guard question.type != .cname, question.type != .any else { return answer }
            name = alias
            (match, zone) = self.match(alias)
        }
        switch match {
        // Whoever asked can ask somebody else for the rest.
        case .foreign: return answer
        case .missing: answer.result = .noSuchName
        case .node(let node) where node.alias != nil: return answer
        case .node(let node): fill(&answer, DNSQuestion(name: name, type: question.type), node, zone, turn)
        }
        // How long a "no" may be remembered (RFC 2308).
        if answer.answers.last?.data.type ?? .cname == .cname { answer.authority.append(authorityRecord(of: zone)) }
        return answer
    }

    private func fill(
        _ answer: inout Answer, _ question: DNSQuestion, _ node: Node, _ zone: DNSName, _ turn: Int
    ) {
        func asked(_ type: DNSType) -> Bool { question.type == type || question.type == .any }

        answer.answers += addressRecords(of: node, at: question.name, turn).filter { asked($0.data.type) }
        if asked(.srv) {
            for location in node.locations {
                guard let target = location.target.below(domain) else { continue }
                let data = DNSRecord.Location(port: location.port, target: target)
                answer.answers.append(
                    DNSRecord(name: question.name, timeToLive: Self.timeToLive, data: .srv(data)))
            }
            // Spares the client a query for each target.
            var known: Set<DNSName> = []
            for location in node.locations where known.insert(location.target).inserted {
                guard let target = location.target.below(domain), let node = nodes[location.target] else { continue }
                answer.additional += addressRecords(of: node, at: target, turn)
            }
        }
        if asked(.soa), question.name == zone { answer.answers.append(authorityRecord(of: zone)) }
    }

    private func addressRecords(of node: Node, at name: DNSName, _ turn: Int) -> [DNSRecord] {
        let first = node.addresses.isEmpty ? 0 : turn % node.addresses.count
        return (node.addresses[first...] + node.addresses[..<first]).map { ip in
            let data: DNSRecord.Data =
                switch ip.family {
                case .ipv4: .a(UInt32(truncatingIfNeeded: ip.low))
                case .ipv6: .aaaa(high: ip.high, low: ip.low)
                }
            return DNSRecord(name: name, timeToLive: Self.timeToLive, data: data)
        }
    }

    private func authorityRecord(of zone: DNSName) -> DNSRecord {
        // An SOA record has to have these two names; there is no such server and no such mailbox.
        let authority = DNSRecord.Authority(
            server: DNSName("ns.dns")?.below(domain) ?? domain, mailbox: DNSName("hostmaster")?.below(domain) ?? domain,
            serial: serial, refresh: 7200, retry: 1800, expire: 86_400, minimum: Self.timeToLive)
        return DNSRecord(name: zone, timeToLive: Self.timeToLive, data: .soa(authority))
    }
}

extension NameTable.Answer {
    /// Not a name that is ours to speak of. A client with several servers goes to the next.
    fileprivate static var refusal: NameTable.Answer { NameTable.Answer(result: .refused, isAuthoritative: false) }
}
