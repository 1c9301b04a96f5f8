import TestSupport
import Testing

/// `portico render` and `portico check --endpoints`, run as a user runs them.
@Suite("Programs that only look", .timeLimit(.minutes(2))) struct RenderProgramTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(
            """
            {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: NodePort, clusterIP: 10.96.0.7, ports: [{port: 80, nodePort: 30080}]}}
            ---
            {apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 10.244.1.2}], ports: [{port: 8080}]}]}
            ---
            {apiVersion: v1, kind: Service, metadata: {name: idle, namespace: shop}, spec: {selector: {app: idle}, clusterIP: 10.96.0.8, ports: [{name: a, port: 81, protocol: UDP}]}}
            ---
            {apiVersion: v1, kind: Node, metadata: {name: node1}, status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: "2001:db8::1"}]}}

            """, to: "all.yaml")
    }

    private func run(_ arguments: String...) async throws -> ProgramResult {
        let program = try ChildProcess(try DevProcess.program(), arguments + ["-f", folder.path])
        program.closeInput()
        return try await program.finished()
    }

    @Test("Rules of both families have their headings, and those of one have none")
    func families() async throws {
        let both = try await run("render", "--hostname-override=node1")
        #expect(both.status == 0, "\(both.errors)")
        #expect(both.output.hasPrefix("# IPv4\n*"))
        #expect(both.output.contains("\n# IPv6\n*") || both.errors.contains("no rules for IPv6"))
        #expect(both.output.contains("10.96.0.7/32"))
        let four = try await run("render", "--hostname-override=node1", "--ipv4")
        #expect(four.output.hasPrefix("*") && four.output.contains("10.96.0.7/32"))
        #expect(!four.output.contains("# IPv"))
        let six = try await run("render", "--hostname-override=node1", "--ipv6")
        #expect(!six.output.contains("10.96.0.7"))
    }

    @Test("The rules of kube-proxy's iptables mode")
    func iptablesMode() async throws {
        let four = try await run("render", "--hostname-override=node1", "--ipv4", "--proxy-mode=iptables")
        #expect(four.status == 0, "\(four.errors)")
        // The name is the beginning of sha256sum's digest of default/webtcp, by base32.
        for line in [
            ":KUBE-SVC-LOLE4ISW44XBNF3G", "-j KUBE-EXT-LOLE4ISW44XBNF3G", "DNAT --to-destination 10.244.1.2:8080",
            "--dport 30080 -j KUBE-EXT-",
        ] { #expect(four.output.contains(line), "\(line): \(four.output)") }
        #expect(!four.output.contains("KUBE-PORTALS"))
        let unknown = try await run("render", "--proxy-mode=ipvs")
        #expect(unknown.status == 64 && unknown.errors.contains("userspace"), "\(unknown.errors)")
    }

    @Test("Each port is told with its endpoints, for people and for programs")
    func endpoints() async throws {
        let people = try await run("check", "--endpoints")
        #expect(people.status == 0, "\(people.errors)")
        let rows = people.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
            rows == [
                "SERVICE CLUSTER-IP PORT ENDPOINTS", "default/web 10.96.0.7 80/TCP, node port 30080 10.244.1.2:8080",
                "shop/idle:a 10.96.0.8 81/UDP none: no pod has the labels app=idle",
                "no mistakes in 2 Services with 2 ports to serve: 1 has endpoints, all with --demo-pods",
            ])
        let programs = try await run("check", "--endpoints", "--output", "json")
        let lines = programs.output.split(separator: "\n").map(String.init)
        #expect(
            lines.contains(
                #"{"event":"servicePort","service":"default/web","protocol":"TCP","port":80,"nodePort":30080,"#
                    + #""clusterIPs":["10.96.0.7"],"endpoints":["10.244.1.2:8080"],"reason":null}"#), "\(lines)")
        #expect(
            lines.last
                == #"{"event":"summary","errors":0,"warnings":0,"services":2,"servicePorts":2,"#
                + #""portsWithEndpoints":1,"portsWithDemoPods":2}"#, "\(lines)")
    }

    @Test("A selection leaves out what it does not name, mistakes of others too are told")
    func selection() async throws {
        let one = try await run("check", "-n", "shop")
        #expect(one.output.hasPrefix("no mistakes in 1 Service with 1 port to serve: 0 have endpoints"))
        try folder.write(
            "{apiVersion: v1, kind: Service, metadata: {name: bad}, spec: {ports: [{port: 0}, {port: x}]}}\n",
            to: "bad.yaml")
        let bad = try await run("check", "-n", "shop")
        #expect(bad.status == 1)
        #expect(bad.errors.contains("bad.yaml") && bad.errors.contains("spec.ports[0].port"), "\(bad.errors)")
        #expect(bad.output.contains(" in 1 Service with 1 port to serve: "))
        let programs = try await run("check", "--output", "json")
        #expect(programs.status == 1)
        let problem = programs.output.split(separator: "\n").first { $0.contains(#""event":"problem""#) }
        #expect(problem?.contains(#""severity":"error""#) == true && problem?.contains(#""line":1"#) == true)
    }
}
