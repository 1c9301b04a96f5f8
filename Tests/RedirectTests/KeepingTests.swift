import Base
import Redirect
import TestSupport
import Testing

@Suite("Keeping rules, with scripts in place of iptables")
struct ApplierTests {
    private func wanted(_ portals: [Portal]) throws -> Wanted { Wanted(portals: portals, ipv4: try node()) }

    private func portal(_ number: UInt32) -> Portal {
        Portal(web, .clusterIP(IPAddress(v4: number)), port: 80, outside: .proxy(4000))
    }

    @Test("First all, then only what changes, and nothing at all when nothing does")
    func delta() async throws {
        let host = try FakeHost()
        let keeper = Keeper(.ipv4, host.iptables)
        let first = try wanted([portal(1)])
        let text = try rules([portal(1)], node()).text
        #expect(try await keeper.apply(first) == .applied(lines: text.split(separator: "\n").count))
        #expect(try host.log() == "iptables-save \niptables-restore -w 5 --noflush\n\(text)")

        #expect(try await keeper.apply(first) == .unchanged)
        #expect(try host.log() == "")

        try await keeper.apply(wanted((1...20).map(portal)))
        _ = try host.log()
        #expect(try await keeper.apply(wanted((1...21).map(portal))) == .applied(lines: 4))
        let (before, after) = (try rules((1...20).map(portal), node()), try rules((1...21).map(portal), node()))
        let change = try #require(after.transaction(from: before))
        #expect(try host.log() == "iptables-restore -w 5 --noflush\n\(change)")
    }

    @Test("What is there already is taken over")
    func takeOver() async throws {
        let host = try FakeHost()
        try host.save(saved(rules([portal(1)], node())))
        #expect(try await Keeper(.ipv4, host.iptables).apply(wanted([portal(1)])) == .unchanged)
        #expect(try host.log() == "iptables-save \n")
    }

    @Test("A flush is found by reading back, and repaired")
    func repair() async throws {
        let host = try FakeHost()
        let (wanted, text) = (try wanted([portal(1)]), saved(try rules([portal(1)], node())))
        let keeper = Keeper(.ipv4, host.iptables)
        try await keeper.apply(wanted)
        try host.save(text)
        #expect(try await keeper.repair(wanted) == .unchanged)
        // iptables -t nat -F: the chains are there, all rules are gone.
        try host.save(text.split(separator: "\n").filter { !$0.hasPrefix("-A") }.joined(separator: "\n"))
        _ = try host.log()
        guard case .applied = try await keeper.repair(wanted) else {
            Issue.record("the flush was not noticed")
            return
        }
        #expect(try host.log().contains("-I PREROUTING"))
    }

    @Test("Status 4 is tried again")
    func busy() async throws {
        let host = try FakeHost()
        try host.answer(
            "iptables-restore",
            "cat > /dev/null; echo x >> $HOME_OF_FAKES/tries; "
                + "[ $(wc -l < $HOME_OF_FAKES/tries) -ge 3 ] || { echo 'Another app is holding the lock' >&2; exit 4; }"
        )
        guard case .applied = try await Keeper(.ipv4, host.iptables).apply(wanted([])) else {
            Issue.record("not applied")
            return
        }
        #expect(try read(host.folder.file("tries")) == "x\nx\nx\n")

        try host.answer("iptables-restore", "echo 'Another app is holding the lock' >&2; exit 4")
        await #expect(
            throws: RedirectError.busy(
                program: "iptables-restore", attempts: 4, message: "Another app is holding the lock")
        ) {
            try await Keeper(.ipv4, host.iptables).apply(wanted([]))
        }
    }

    @Test("A delta that no longer fits is made anew from what is there")
    func staleDelta() async throws {
        let host = try FakeHost()
        let keeper = Keeper(.ipv4, host.iptables)
        try await keeper.apply(wanted((1...20).map(portal)))
        // As if somebody had deleted the rule that goes: -D fails, writing all anew does not.
        try host.answer(
            "iptables-restore",
            "cat > $HOME_OF_FAKES/in; if grep -q '^-D' $HOME_OF_FAKES/in; then echo 'iptables-restore: line 2 failed' >&2; exit 1; fi"
        )
        try await keeper.apply(wanted((1...19).map(portal)))
        #expect(try read(host.folder.file("in")).contains(":KUBE-PORTALS-HOST"))
    }

    @Test("What iptables will not have is shown with its neighbours, and is read back afterwards")
    func refused() async throws {
        let host = try FakeHost()
        try host.answer("iptables-restore", "cat > /dev/null; echo 'iptables-restore: line 10 failed' >&2; exit 1")
        let keeper = Keeper(.ipv4, host.iptables)
        let error = await #expect(throws: RedirectError.self) { try await keeper.apply(wanted([])) }
        guard case .refused(_, 1, _, let excerpt)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        let lines = excerpt.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(lines[3].hasPrefix("> 10: -I INPUT"))
        #expect(lines[0].hasPrefix("  7: -A KUBE-NODEPORT-NON-LOCAL"))
        _ = try host.log()
        _ = try? await keeper.apply(wanted([]))
        #expect(try host.log().hasPrefix("iptables-save \n"))
    }

    @Test("Errors say what to install or what right is missing")
    func errors() async throws {
        let host = try FakeHost()
        await #expect(throws: RedirectError.notInstalled(program: "ip6tables-save")) {
            try await Keeper(.ipv6, host.iptables).removeAll()
        }
        #expect(
            RedirectError.notInstalled(program: "ip6tables-save").description
                == "cannot find ip6tables-save: please install the package iptables (Debian, Ubuntu: apt-get install iptables)"
        )
        try host.answer(
            "iptables-save",
            "echo 'Could not fetch rule set generation id: Permission denied (you must be root)' >&2; exit 4")
        await #expect(throws: RedirectError.notPermitted(program: "iptables-save")) {
            try await Keeper(.ipv4, host.iptables).apply(wanted([]))
        }
    }

    @Test("Much input for a program that reads none of it, and much output")
    func volume() async throws {
        let host = try FakeHost()
        let many = try wanted((1...5_000).map(portal))
        try host.answer("iptables-restore", "exit 0")
        try await Keeper(.ipv4, host.iptables).apply(many)
        try host.save(saved(try #require(many.rules(for: .ipv4))))
        #expect(try await Keeper(.ipv4, host.iptables).apply(many) == .unchanged)
    }
}
