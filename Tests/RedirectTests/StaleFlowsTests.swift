import Redirect
import Services
import TestSupport
import Testing

@Suite("UDP flows that outlive their rules")
struct StaleFlowsTests {
    private func plan(_ proxy: UInt16, nodePort: Bool = false, tcp: UInt16 = 1) throws -> RuleSet {
        var portals = [
            Portal(dns, .clusterIP(try ip("10.0.0.10")), port: 53, outside: .proxy(proxy)),
            Portal(web, .clusterIP(try ip("10.0.0.11")), port: 80, outside: .proxy(tcp)),
        ]
        if nodePort { portals.append(Portal(dns, .nodePort(.ipv4), port: 30053, outside: .proxy(proxy))) }
        return try rules(portals, node())
    }

    private let nodePort = StaleFlows(family: .ipv4, destination: nil, port: 30053)

    @Test("Only those of portals that opened, closed or lead elsewhere, and only UDP")
    func difference() throws {
        let clusterIP = StaleFlows(family: .ipv4, destination: try range("10.0.0.10/32"), port: 53)
        #expect(try plan(5300).staleFlows(since: plan(5300)) == [])
        #expect(try plan(5300).staleFlows(since: plan(5300, tcp: 2)) == [])
        #expect(try plan(5300).staleFlows(since: bare()) == [clusterIP])
        #expect(try plan(5301).staleFlows(since: plan(5300)) == [clusterIP])
        #expect(try plan(5300, nodePort: true).staleFlows(since: plan(5300)) == [nodePort])
        #expect(try bare().staleFlows(since: plan(5300, nodePort: true)) == [clusterIP, nodePort])
    }

    @Test("What there is is listed once, and only what is stale among it is deleted")
    func flush() async throws {
        let host = try FakeHost()
        let applier = Applier(.ipv4, host.iptables)
        await #expect(throws: RedirectError.notInstalled(program: "conntrack")) { try await applier.flush([nodePort]) }
        try host.answer(
            "conntrack",
            """
            echo $* >> $HOME_OF_FAKES/calls
            case $1 in
            -L) echo 'udp      17 29 src=10.1.0.1 dst=10.0.0.10 sport=999 dport=53 [UNREPLIED] src=10.9.0.1 dst=10.1.0.1 sport=53 dport=999'
                echo 'udp      17 29 src=10.1.0.1 dst=192.168.1.5 sport=999 dport=30053 src=192.168.1.5 dst=10.1.0.1 sport=5300 dport=999' ;;
            *) echo 'conntrack v1.4.7: 0 flow entries have been deleted.' >&2; exit 1 ;;
            esac
            """)
        let flows = try ["10.0.0.10/32", "10.0.0.11/32"].map {
            StaleFlows(family: .ipv4, destination: try range($0), port: 53)
        }
        let idle = StaleFlows(family: .ipv4, destination: nil, port: 30054)
        try await applier.flush(flows + [nodePort, idle])
        #expect(
            try read(host.folder.file("calls")) == """
                -L -f ipv4 -p udp
                -D -f ipv4 -p udp --orig-dst 10.0.0.10/32 --orig-port-dst 53
                -D -f ipv4 -p udp --orig-port-dst 30053

                """)
        try await applier.flush([])
        try host.answer("conntrack", "echo 'conntrack: Operation failed: such conntrack is not known' >&2; exit 1")
        await #expect(throws: RedirectError.self) { try await applier.flush([nodePort]) }
    }
}
