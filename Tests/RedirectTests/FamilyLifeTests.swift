import Balancing
import Base
import Objects
import TestSupport
import Testing

@testable import Redirect

/// From the first look to the end, with what may come between; over a model of the tables.
@Suite("The life of a family's rules") struct FamilyLifeTests {
    private let model = FirewallModel(.nft)
    private let rules: FamilyRules

    init() { rules = FamilyRules(.ipv4, model, PolicyRoute(.ipv4, searchPath: [])) }

    private func portal(_ number: UInt32, _ verdict: Portal.Verdict = .proxy(4000)) -> Portal {
        Portal(web, .clusterIP(IPAddress(v4: 0x0A60_0000 + number)), port: 80, outside: verdict)
    }

    private func change(_ portals: [Portal], healthPorts: [UInt16] = []) throws -> KernelChange {
        Wanted(portals: portals, ipv4: try node(), healthPorts: healthPorts).change
    }

    private func chains(_ table: String) -> [String] {
        model.with { ($0.tables[table] ?? [:]).filter { !$0.value.isBuiltIn }.keys.sorted() }
    }

    /// What kube-proxy's iptables mode would have left.
    private func leaveOthers(inTheWay: Bool = false) {
        model.meddle { state in
            state.tables["nat"]?["KUBE-SERVICES"] = .init(rules: ["-d 10.96.0.1/32 -j KUBE-SVC-A"])
            state.tables["nat"]?["KUBE-SVC-A"] = .init()
            state.tables["nat"]?["PREROUTING"]?.rules.append("-j KUBE-SERVICES")
            if inTheWay {
                state.tables["nat"]?["MINE"] = .init(rules: ["-j KUBE-SVC-A"])
            }
        }
    }

    @Test(
        "One look takes over what is there, and shows what another mode has left; that goes after the rules are in force"
    )
    func start() async throws {
        leaveOthers()
        let result = try #require(await rules.apply(try change([portal(1)]), checking: false))
        #expect(result.warnings == [])
        #expect(model.with { $0.saves } == 1)
        #expect(chains("nat") == ChainName.nat.sorted())
        let texts = model.with { $0.restored }
        #expect(texts.count == 2 && texts[0].contains("-I PREROUTING") && texts[1].contains("-X KUBE-SERVICES"))
        // Another process, later: there is nothing to do.
        let next = FamilyRules(.ipv4, model, PolicyRoute(.ipv4, searchPath: []))
        #expect(try await next.apply(try change([portal(1)]), checking: false)?.outcome.get() == .unchanged)
    }

    @Test("What a chain of somebody else leads to stays, and is no reason for anything")
    func inTheWay() async throws {
        leaveOthers(inTheWay: true)
        let result = try #require(await rules.apply(try change([portal(1)]), checking: false))
        #expect(
            result.warnings == [] && chains("nat").contains("KUBE-SVC-A") && !chains("nat").contains("KUBE-SERVICES"))
    }

    @Test("Leftovers that cannot be removed are told of and tried again by the next look; changes go on meanwhile")
    func leftoversStay() async throws {
        leaveOthers()
        // Taken with a lock by the second transaction: the one that removes.
        model.with { state in
            state.meanwhile = { state in state.busy = 1 }
        }
        let first = try #require(await rules.apply(try change([portal(1)]), checking: false))
        #expect(try first.outcome.get() != .unchanged)
        #expect(first.warnings.count == 1 && first.warnings[0].contains("another kube-proxy mode"))
        #expect(chains("nat").contains("KUBE-SERVICES"))
        model.with { $0.saves = 0 }
        let second = try #require(await rules.apply(try change([portal(2)]), checking: false))
        #expect(try second.outcome.get() != .unchanged && second.warnings == [])
        #expect(model.with { $0.saves } == 0)
        _ = await rules.apply(KernelChange(), checking: true)
        #expect(chains("nat") == ChainName.nat.sorted())
    }

    @Test("An error is followed by one that reads what is there; nothing has to be told again")
    func error() async throws {
        _ = await rules.apply(try change([portal(1)]), checking: false)
        model.with { ($0.busy, $0.saves) = (1, 0) }
        let failed = try #require(await rules.apply(try change([portal(2)]), checking: false))
        #expect(throws: RedirectError.self) { try failed.outcome.get() }
        #expect(try await rules.apply(KernelChange(), checking: false)?.outcome.get() != .unchanged)
        #expect(model.with { $0.saves } == 1)
        #expect(model.saved.contains("10.96.0.2/32") && !model.saved.contains("10.96.0.1/32"))
    }

    @Test("After an error at the start, what another mode has left still goes")
    func errorAtTheStart() async throws {
        leaveOthers()
        model.with { $0.busy = 1 }
        let failed = try #require(await rules.apply(try change([portal(1)]), checking: false))
        #expect(throws: RedirectError.self) { try failed.outcome.get() }
        #expect(try await rules.apply(KernelChange(), checking: false)?.outcome.get() != .unchanged)
        #expect(chains("nat") == ChainName.nat.sorted())
    }

    @Test("Another try of what is refused that fails for other reasons is an error, and what is refused stays known")
    func errorAtAnotherTry() async throws {
        model.with { $0.refused = ["\(dns.name)"] }
        let other = Portal(dns, .clusterIP(ip("10.96.1.1")), port: 53, outside: .proxy(5300))
        let first = try #require(await rules.apply(try change([portal(1), other]), checking: false))
        #expect(try first.outcome.get() != .unchanged && first.refused.map(\.owner) == [dns])
        model.with { $0.busy = 1 }
        let failed = try #require(await rules.apply(KernelChange(), checking: true))
        #expect(throws: RedirectError.self) { try failed.outcome.get() }
        #expect(failed.refused.map(\.owner) == [dns])
    }

    @Test("Somebody deletes a rule between two changes: the transaction for it is made anew")
    func between() async throws {
        _ = await rules.apply(try change([portal(1)]), checking: false)
        model.with { $0.meanwhile = { $0.tables["nat"]?["KUBE-PORTALS-HOST"]?.rules = [] } }
        // Two Services, of which one changes: its rules are deleted one by one.
        let other = Portal(dns, .clusterIP(ip("10.96.1.1")), port: 53, outside: .proxy(5300))
        _ = await rules.apply(try change([portal(1), other]), checking: false)
        let result = await rules.apply(try change([portal(3), other]), checking: false)
        #expect(try result?.outcome.get() != .unchanged)
        #expect(try await rules.apply(KernelChange(), checking: true)?.outcome.get() != nil)
        let saved = model.saved
        #expect(saved.split(separator: "\n").count { $0.contains("10.96.0.3/32") } == 2)
        #expect(!saved.contains("10.96.0.1/32"))
    }

    @Test("A family that loses its address has no rules and no result; it gets all of them back with another")
    func bare() async throws {
        let whole = try change([portal(1)])
        _ = await rules.apply(whole, checking: false)
        #expect(await rules.apply(KernelChange(node: NodeRedirection()), checking: false) == nil)
        #expect(chains("nat") == [] && chains("filter") == [])
        model.with { $0.saves = 0 }
        #expect(await rules.apply(KernelChange(node: NodeRedirection()), checking: true) == nil)
        #expect(model.with { $0.saves } == 0, "nothing is to be looked at")
        // A change that comes meanwhile is not lost.
        let key = web.service
        #expect(await rules.apply(KernelChange(services: [key: [portal(2)]]), checking: false) == nil)
        #expect(try await rules.apply(KernelChange(node: whole.node), checking: false)?.outcome.get() != .unchanged)
        #expect(model.saved.contains("10.96.0.2/32") && !model.saved.contains("10.96.0.1/32"))
    }

    @Test("Another health port costs its line; another address of the node all lines of nat, and no look")
    func otherNode() async throws {
        _ = await rules.apply(try change([portal(1), portal(2)]), checking: false)
        model.with { ($0.restored, $0.saves) = ([], 0) }
        _ = await rules.apply(try change([portal(1), portal(2)], healthPorts: [10_256]), checking: false)
        let lines = model.with { $0.restored.joined().split(separator: "\n").filter { $0.hasPrefix("-") } }
        #expect(lines.count == 1 && lines[0].contains("--dport 10256"))
        var moved = try change([portal(1), portal(2)], healthPorts: [10_256])
        moved.node?.networks[.ipv4]?.hostIP = ip("192.168.1.6")
        _ = await rules.apply(KernelChange(node: moved.node), checking: false)
        #expect(model.with { $0.saves } == 0)
        #expect(model.saved.contains("192.168.1.6:4000") && !model.saved.contains("192.168.1.5:4000"))
    }
}
