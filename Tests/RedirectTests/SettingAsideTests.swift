import Balancing
import Base
import Redirect
import TestSupport
import Testing

/// Rules that are refused: of whom, and what becomes of the others.
@Suite("What iptables refuses is set aside") struct SettingAsideTests {
    private func name(_ number: Int) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: "s\(number)"), .tcp)
    }

    private func plan(_ numbers: some Sequence<Int>, port: UInt16 = 80) -> Wanted {
        Wanted(
            portals: numbers.map { number in
                Portal(
                    name(number), .clusterIP(IPAddress(v4: 0x0A60_0000 + UInt32(number))), port: port,
                    outside: .proxy(4000 + UInt16(number)))
            }, ipv4: try? node())
    }

    /// A host whose iptables-restore refuses all that speaks of some of the Services, and keeps what it has taken.
    private func host(refusing numbers: [Int]) throws -> FakeHost {
        let host = try FakeHost()
        let pattern = numbers.isEmpty ? "^nothing$" : numbers.map { "default/s\($0)\"" }.joined(separator: "\\|")
        try host.folder.write(pattern, to: "refused")
        try host.answer(
            "iptables-restore",
            """
            cat > $HOME_OF_FAKES/in; echo x >> $HOME_OF_FAKES/tries
            if grep -q -f $HOME_OF_FAKES/refused $HOME_OF_FAKES/in; then
                echo 'iptables-restore: line 9 failed' >&2; exit 1
            fi
            cat $HOME_OF_FAKES/in >> $HOME_OF_FAKES/taken
            """)
        return host
    }

    private func count(_ host: FakeHost, _ file: String) -> Int {
        ((try? read(host.folder.file(file))) ?? "").split(separator: "\n").count
    }

    @Test("One among many, several, all: the others are applied", arguments: [[7], [1, 2, 30, 64], Array(1...64)])
    func culprits(_ refused: [Int]) async throws {
        let host = try host(refusing: refused)
        let keeper = Keeper(.ipv4, host.iptables)
        let outcome = try await keeper.apply(plan(1...64), checking: false)
        #expect(outcome != .unchanged)
        let set = await keeper.refused
        #expect(Set(set.map(\.owner)) == Set(refused.map(name)))
        let taken = try read(host.folder.file("taken"))
        for number in 1...64 {
            #expect(taken.contains("default/s\(number)\"") == !refused.contains(number), "\(number)")
        }
        let problem = try #require(set.first?.problem)
        #expect(problem.kind == .rules && problem.subject.hasPrefix("default/s"))
        #expect(problem.text.contains("iptables-restore ended with status 1: iptables-restore: line 9 failed"))
        // Of many the last are set aside together.
        #expect(count(host, "tries") < (refused == [7] ? 30 : 100))
    }

    @Test("It is not tried again until it changes, or the rules are looked at; the others change as always")
    func again() async throws {
        let host = try host(refusing: [7])
        let keeper = Keeper(.ipv4, host.iptables)
        _ = try await keeper.apply(plan(1...9), checking: false)
        host.folder.remove("tries")
        #expect(try await keeper.apply(plan(1...9), checking: false) == .unchanged)
        #expect(count(host, "tries") == 0)
        _ = try await keeper.apply(plan(1...10), checking: false)
        #expect(count(host, "tries") == 1)
        #expect(await keeper.refused.map(\.owner) == [name(7)])

        // Another port: worth a try, and another one that fails.
        _ = try await keeper.apply(plan(1...10, port: 81), checking: false)
        #expect(await keeper.refused.map(\.owner) == [name(7)])

        // Whatever was wrong has gone, and nobody has told.
        try host.folder.write("^nothing$", to: "refused")
        _ = try await keeper.apply(plan(1...10, port: 81), checking: true)
        #expect(await keeper.refused.isEmpty)
        #expect(try read(host.folder.file("taken")).contains("default/s7\""))
    }

    @Test("What is in force stays so while the culprit is looked for")
    func stays() async throws {
        let host = try host(refusing: [7])
        let keeper = Keeper(.ipv4, host.iptables)
        _ = try await keeper.apply(plan(1...6), checking: false)
        try host.save(saved(#require(plan(1...6).rules(for: .ipv4))))
        host.folder.remove("taken")
        _ = try await keeper.apply(plan(1...9), checking: false)
        let taken = try read(host.folder.file("taken")).split(separator: "\n")
        #expect(taken.contains { $0.contains("default/s9\"") })
        for number in 1...6 { #expect(!taken.contains { $0.contains("default/s\(number)\"") }, "\(number)") }
    }

    @Test("One that goes is no problem any more")
    func gone() async throws {
        let host = try host(refusing: [7])
        let keeper = Keeper(.ipv4, host.iptables)
        _ = try await keeper.apply(plan(1...9), checking: false)
        _ = try await keeper.apply(plan(1...6), checking: false)
        #expect(await keeper.refused.isEmpty)
    }

    @Test("What is refused for none of the Services is an error, and nobody is blamed")
    func nobody() async throws {
        let host = try host(refusing: [])
        try host.folder.write("PREROUTING", to: "refused")
        let keeper = Keeper(.ipv4, host.iptables)
        await #expect(throws: RedirectError.self) { try await keeper.apply(plan(1...9), checking: false) }
        #expect(await keeper.refused.isEmpty)
    }

    @Test(
        "With the real iptables nobody loses a rule meanwhile",
        .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")),
        arguments: NamespaceTests.variants)
    func real(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        let iptables = try namespace.iptables(variant)
        let keeper = Keeper(.ipv4, iptables)
        _ = try await keeper.apply(plan(1...20), checking: false)
        // In front of the real program, one that refuses what speaks of a Service, as a kernel without a module would.
        let program = "iptables-\(variant.rawValue)-restore"
        let real = try read(namespace.folder.file(program)).split(separator: "\n").last ?? ""
        try namespace.folder.write(
            """
            #!/bin/sh
            text=$(cat); case $text in *default/s27*) echo 'line 1 failed' >&2; exit 1;; esac
            echo "$text" | \(real.replacing("exec ", with: ""))

            """, to: program)
        _ = try await keeper.apply(plan(1...40), checking: false)
        #expect(await keeper.refused.map(\.owner) == [name(27)])
        let saved = try await namespace.run("iptables-\(variant.rawValue)-save", "-t nat")
        for number in 1...40 { #expect(saved.contains("default/s\(number)\"") == (number != 27), "\(number)") }
        #expect(try await keeper.apply(plan(1...40), checking: true) == .unchanged)
    }
}
