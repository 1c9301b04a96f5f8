import Balancing
import Foundation
import TestSupport
import Testing

/// What load balancers and people ask a node about (docs/behaviour.md, B11); and what is left without a firewall.
@Suite("A node's surroundings", Lab.requirements, .serialized) struct HealthTests {
    private func loadBalancer(_ policy: String, _ endpoints: [Manifest.Endpoint]) -> String {
        Manifest.service(
            "web", clusterIPs: ["10.100.0.1"], type: "LoadBalancer", nodePort: 30_080,
            spec: "  externalTrafficPolicy: \(policy)\n  healthCheckNodePort: 32100", ingress: ["203.0.113.7"])
            + Manifest.endpoints("web", endpoints)
    }

    /// Status, weight and body of an HTTP answer.
    private func get(_ lab: Lab, _ url: String) async throws -> String {
        try await lab.run(
            on: "outside", "curl -sS -m 3 -D - '\(url)' 2>&1 | tr -d '\\r' | grep -iE '^HTTP|weight|^.*\\{|:' ; true")
    }

    @Test(
        "A node says how many endpoints it has, and no more once they shut down, though they still serve",
        arguments: Lab.Source.allCases)
    func healthCheckNodePort(_ source: Lab.Source) async throws {
        try await Lab.run(source) { lab in
            try await lab.apply("web", loadBalancer("Local", [.nginx1]))
            let with = try await get(lab, "http://192.168.58.4:32100/any/path")
            #expect(with.contains("HTTP/1.1 200") && with.contains("X-Load-Balancing-Endpoint-Weight: 1"), "\(with)")
            #expect(with.contains("\"localEndpoints\": 1") && with.contains("\"serviceProxyHealthy\": true"))
            let without = try await get(lab, "http://192.168.58.2:32100/")
            #expect(without.contains("HTTP/1.1 503") && without.contains("X-Load-Balancing-Endpoint-Weight: 0"))
            #expect(try await get(lab, "http://[fd00:58::4]:32100/").contains("HTTP/1.1 200"))

            try await lab.apply("web", loadBalancer("Local", [.nginx1.terminating]))
            #expect(try await get(lab, "http://192.168.58.4:32100/").contains("HTTP/1.1 503"))
            #expect(try await lab.ask(from: "outside", "192.168.58.4", 30_080) == .pod("nginx1"))

            try await lab.apply("web", loadBalancer("Cluster", [.nginx1]))
            #expect(
                try await get(lab, "http://192.168.58.4:32100/").contains("curl: (7)"), "nobody asks there any more")
        }
    }

    @Test("/healthz and /livez; a node that is about to be removed is not eligible", arguments: Lab.Source.allCases)
    func healthz(_ source: Lab.Source) async throws {
        try await Lab.run(source, daemons: ["node1"]) { lab in
            let fine = try await get(lab, "http://192.168.58.2:10256/healthz")
            #expect(fine.contains("HTTP/1.1 200") && fine.contains("\"nodeEligible\":true"), "\(fine)")
            #expect(try await get(lab, "http://192.168.58.2:10256/livez").contains("HTTP/1.1 200"))
            #expect(try await get(lab, "http://192.168.58.2:10256/").contains("HTTP/1.1 404"))
            let nodes = try String(
                contentsOfFile: "\(Lab.repository)/Examples/three-node-cluster/manifests/nodes.yaml", encoding: .utf8)
            let taint = "taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]"
            try await lab.apply(
                "nodes",
                nodes.replacing("spec: {podCIDRs: [10.244.0.0/24", with: "spec: {\(taint), podCIDRs: [10.244.0.0/24"))
            // Nodes come by a watch of their own.
            #expect(
                await eventually {
                    (try? await get(lab, "http://192.168.58.2:10256/healthz").contains("HTTP/1.1 503")) == true
                })
            #expect(try await get(lab, "http://192.168.58.2:10256/livez").contains("HTTP/1.1 200"))
        }
    }

    @Test("While it drains a node is no health for load balancers from the first moment on, and alive to the end")
    func draining() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node3", ["--redirect=none", "--drain-timeout=60s"])
            try await lab.apply("web", loadBalancer("Local", [.nginx1]))
            func statuses() async throws -> [String] {
                let urls = ["10256/healthz", "10256/livez", "32100/"].map { "http://192.168.58.4:\($0)" }
                return try await lab.run(
                    on: "outside",
                    "curl -sS -m 3 -o /dev/null -w '%{http_code}\\n' \(urls.joined(separator: " -o /dev/null ")); true"
                ).split(separator: "\n").map(String.init)
            }
            #expect(try await statuses() == ["200", "200", "200"])

            let asked = Cue()
            let client = try await OwnResources.inNetwork(named: "\(lab.name)-outside") {
                try ScriptedPeer.connect(
                    to: 30_080, on: "192.168.58.4",
                    script: [.send("GET / HTTP/1.0\r\n"), .wait(asked), .send("\r\n"), .receiveAll])
            }
            #expect(
                await eventually {
                    (try? await lab.run(on: "nginx1", "ss -Htn state established 'sport = 80'").isEmpty) == false
                })
            let pid = try lab.pid(of: "node3")
            kill(pid, SIGTERM)
            #expect(await lab.logged("waiting for 1 open connection", on: "node3"))
            #expect(try await statuses() == ["503", "200", "503"])
            let health = try await get(lab, "http://192.168.58.4:10256/healthz")
            #expect(health.contains("\"healthy\":true,\"draining\":true"), "\(health)")
            #expect(try await get(lab, "http://192.168.58.4:32100/").contains("\"serviceProxyHealthy\": false"))
            asked.give()
            #expect(try await client.finished().received.text.contains("nginx1"), "what was open is served")
            #expect(await eventually { !Lab.isRunning(pid) })
        }
    }

    @Test("Without a firewall node ports work all the same, also at localhost, and so do health checks")
    func withoutRules() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1", ["--redirect=none"])
            try await lab.apply("web", loadBalancer("Cluster", [.nginx1]))
            for transport in Transport.allCases {
                for (place, address) in [
                    ("outside", "192.168.58.2"), ("outside", "fd00:58::2"), ("node1", "127.0.0.1"), ("node1", "::1"),
                ] {
                    let answer = try await lab.ask(from: place, address, 30_080, over: transport)
                    #expect(answer == .pod("nginx1"), "\(address), \(transport)")
                }
            }
            #expect(try await get(lab, "http://192.168.58.2:10256/healthz").contains("HTTP/1.1 200"))
            #expect(try await lab.run(on: "node1", "iptables-save | grep -c KUBE; true") == "0\n")
        }
    }

    @Test("Node ports are open on the addresses that take them, and only there")
    func nodePortAddresses() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.start("node1", ["--nodeport-addresses=192.168.58.0/24,localhost"])
            try await lab.apply("web", loadBalancer("Cluster", [.nginx1]))
            #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080) == .pod("nginx1"))
            #expect(try await lab.ask(from: "node1", "127.0.0.1", 30_080) == .pod("nginx1"))
            #expect(try await lab.ask(from: "client", "10.244.0.1", 30_080) == .refused)
            #expect(try await lab.ask(from: "node1", "::1", 30_080) == .pod("nginx1"))
            #expect(try await lab.ask(from: "outside", "fd00:58::2", 30_080) == .refused)
        }
    }

    @Test("The service manager is told, and what the kernel refuses is one warning each")
    func surroundings() async throws {
        try await Lab.run(daemons: []) { lab in
            let folder = try TemporaryDirectory()
            let manager = try DatagramListener(at: folder.file("notify"))
            try folder.write("3600\n", to: "proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")
            try await lab.start(
                "node1", ["--kernel-root", folder.path], environment: ["NOTIFY_SOCKET": folder.file("notify")])
            try await lab.cluster("stop", "node1")
            let said = manager.received()
            let pid = try lab.pid(of: "node1")
            #expect(said.contains("READY=1") && said.contains("MAINPID=\(pid)"), "\(said)")
            #expect(said.contains("STOPPING=1"))
            let timeout = try String(
                contentsOfFile: folder.file("proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established"),
                encoding: .utf8)
            #expect(timeout.trimmingCharacters(in: .whitespacesAndNewlines) == "86400")
            let log = try await lab.cluster("log", "node1")
            #expect(log.components(separatedBy: "nf_conntrack_tcp_timeout_close_wait").count == 2, "\(log)")
        }
    }
}

/// A Unix socket that takes datagrams, as systemd's does.
private final class DatagramListener {
    private let socket: Int32

    init(at path: String) throws {
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw Lab.Failure(description: "bind \(path): \(errno)") }
    }

    deinit { close(socket) }

    /// All that has come so far.
    func received() -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return text }
            text += String(decoding: buffer[..<count], as: UTF8.self) + "\n"
        }
    }
}
