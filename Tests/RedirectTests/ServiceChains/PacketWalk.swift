import Balancing
import Base
import Redirect

/// The first packet of a connection on its way through a rule set, as the kernel would lead it.
struct PacketWalk {
    let rules: RuleSet
    /// The addresses of the host.
    let local: Set<IPAddress>

    struct Packet {
        var source: IPAddress
        var destination: EndpointAddress
        var transport = TransportProtocol.tcp
        /// Where it came in; nil if this host sends it.
        var interface: String?
    }

    enum End: Hashable {
        case at(EndpointAddress, masqueraded: Bool)
        case refused, dropped
    }

    private struct State {
        var packet: Packet
        var share = 1.0
        var mark: UInt32 = 0
        var isTranslated = false
        var isMasqueraded = false
    }

    private enum Verdict { case accepted, refused, dropped }

    private typealias Result = (state: State, verdict: Verdict?)

    /// How much of all such packets comes to which end. Nobody has been seen before.
    func ends(of packet: Packet) -> [End: Double] {
        var ends: [End: Double] = [:]
        for (state, _) in run(.nat, hook: packet.interface == nil ? "OUTPUT" : "PREROUTING", State(packet: packet)) {
            for (state, verdict) in filter(state) {
                switch verdict {
                case .refused: ends[.refused, default: 0] += state.share
                case .dropped: ends[.dropped, default: 0] += state.share
                case .accepted, nil:
                    for (last, _) in run(.nat, hook: "POSTROUTING", state) {
                        ends[.at(last.packet.destination, masqueraded: last.isMasqueraded), default: 0] += last.share
                    }
                }
            }
        }
        return ends
    }

    private func filter(_ state: State) -> [Result] {
        if state.packet.interface == nil { return run(.filter, hook: "OUTPUT", state) }
        return run(.filter, hook: isLocal(state.packet.destination.ip) ? "INPUT" : "FORWARD", state)
    }

    /// What stands in a built-in chain after jumps were put first or last, one after the other.
    private func run(_ table: TableName, hook: String, _ state: State) -> [Result] {
        let jumps = rules[table].jumps.filter { $0.chain == hook }
        let order = jumps.filter { $0.position == .first }.reversed() + jumps.filter { $0.position == .last }
        return run(order.map(\.rule)[...], rules[table], state)
    }

    private func run(_ rest: ArraySlice<Rule>, _ table: Table, _ state: State) -> [Result] {
        for (index, rule) in zip(rest.indices, rest) where matches(rule, state) {
            let others = rest[(index + 1)...]
            var (state, results) = (state, [Result]())
            if let chance = chance(of: rule) {
                var missed = state
                missed.share *= 1 - chance
                state.share *= chance
                results = run(others, table, missed)
            }
            switch rule.target {
            case .jump(let chain):
                for (state, verdict) in run(table[chain][...], table, state) {
                    results += verdict == nil ? run(others, table, state) : [(state, verdict)]
                }
                return results
            case .back: return results + [(state, nil)]
            case .accept: return results + [(state, .accepted)]
            case .drop: return results + [(state, .dropped)]
            case .reject: return results + [(state, .refused)]
            case .dnat(let address):
                (state.packet.destination, state.isTranslated) = (address, true)
                return results + [(state, .accepted)]
            case .dnatPort(let port), .redirect(let port):
                state.packet.destination = EndpointAddress(ip: state.packet.destination.ip, port: port)
                state.isTranslated = true
                return results + [(state, .accepted)]
            case .masquerade:
                state.isMasqueraded = true
                return results + [(state, .accepted)]
            case .mark(let bits): state.mark |= bits
            case .toggleMark(let bits): state.mark ^= bits
            case .nothing: break
            }
            return results + run(others, table, state)
        }
        return [(state, nil)]
    }

    private func isLocal(_ address: IPAddress) -> Bool { address.isLoopback || local.contains(address) }

    private func matches(_ rule: Rule, _ state: State) -> Bool {
        let (packet, to) = (state.packet, state.packet.destination)
        return (rule.transport ?? packet.transport) == packet.transport
            && rule.ports?.contains(to.port) != false && rule.source?.contains(packet.source) != false
            && rule.destination?.contains(to.ip) != false && (!rule.isToLocalAddress || isLocal(to.ip))
            && (!rule.isTranslated || state.isTranslated) && !rule.isToTransparentSocket
            && rule.matches.allSatisfy { matches($0, state) }
    }

    private func matches(_ match: RuleMatch, _ state: State) -> Bool {
        let packet = state.packet
        func comesIn(_ name: String) -> Bool {
            name.last == "+" ? packet.interface?.hasPrefix(name.dropLast()) == true : packet.interface == name
        }
        switch match {
        case .notFrom(let range): return !range.contains(packet.source)
        case .notTo(let range): return !range.contains(packet.destination.ip)
        case .interface(let name): return comesIn(name)
        case .notInterface(let name): return !comesIn(name)
        case .fromLocalAddress: return isLocal(packet.source)
        case .mark(let bits, let isSet): return (state.mark & bits == bits) == isSet
        case .states(let states, let isIn):
            let now: ConnectionStates = state.isTranslated ? [.new, .translated] : .new
            return states.isDisjoint(with: now) != isIn
        case .chance, .remember: return true
        case .seen: return false
        }
    }

    private func chance(of rule: Rule) -> Double? {
        for case .chance(let chance) in rule.matches { return chance.share }
        return nil
    }
}
