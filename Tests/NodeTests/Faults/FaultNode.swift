import APITestSupport
import Foundation
import Glibc
import TestSupport
import Testing

/// A machine with one `portico daemon`, as the table of faults has it: a network namespace in which pods, clients, other
/// programs and an API server are sockets of this test.
///
/// Pods web-1, web-2 and dns-1 have addresses of the machine, 10.244.1.1 and the next ones.
final class FaultNode {
    private let folder: TemporaryDirectory
    /// Whose network it is.
    private let holder: ChildProcess
    private let nsenter: String
    private var daemon: ChildProcess?
    /// What the daemon had said when ``forgetLog()`` was called.
    private var heard = 0
    private var pods: [String: ScriptedServer] = [:]
    private var api: ScriptedAPIServer?
    private var sockets: [Int32] = []
    /// All that was ever scraped: also of a daemon that is no longer there.
    private(set) var seen: [MetricScrape] = []

    static let requirements: ConditionTrait = .requires(
        .root, .networkNamespaces, .tool("ip"), .tool("nsenter"), .tool("prlimit"), .tool("curl"), .tool("iptables"))

    init() async throws {
        folder = try TemporaryDirectory()
        nsenter = try #require(findProgram("nsenter"))
        // A pair of interfaces rather than a dummy one, which not every kernel has.
        let setUp = """
            set -e
            ip link set lo up
            for pod in 1 2 3; do ip address add 10.244.1.$pod/32 dev lo; done
            ip link add eth0 type veth peer name eth1
            ip address add 192.0.2.10/24 dev eth0
            ip link set eth0 up; ip link set eth1 up
            ip route add default via 192.0.2.1
            echo ready; read line
            """
        holder = try ChildProcess(try #require(findProgram("unshare")), ["--net", "sh", "-c", setUp])
        let isReady = await eventually(within: .seconds(30)) { holder.output.contains("ready") }
        try #require(isReady, "\(holder.errors)")
    }

    /// Ends all of it.
    func end() async throws {
        try await stop()
        api?.close()
        for socket in sockets { close(socket) }
        holder.signal(SIGKILL)
    }

    private func inside<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await OwnResources.inNetwork(of: holder.pid, body)
    }

    @discardableResult
    func run(_ command: String) async throws -> String {
        let child = try ChildProcess(nsenter, ["--net=/proc/\(holder.pid)/ns/net", "sh", "-c", command])
        child.closeInput()
        return try await child.finished().output
    }

    // MARK: The daemon

    private static let apiAddress = "http://127.0.0.1:6444"

    /// What it knows of the cluster: files, or an API server.
    enum Source { case manifests, apiServer }

    /// - Parameters:
    ///   - flags: further ones, or others.
    ///   - rules: whether it has a firewall; `iptables` is the real one, unless ``refuseRules()`` says otherwise.
    ///   - serves: whether it comes to serve, which is waited for.
    func start(
        _ source: Source = .manifests, _ flags: [String] = [], rules: Bool = false, serves: Bool = true
    ) async throws {
        let arguments =
            (source == .manifests ? ["-f", folder.file("manifests")] : ["--master", Self.apiAddress])
            + (rules ? [] : ["--redirect=none"]) + [
                "--hostname-override=node1", "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
                "--conntrack-tcp-timeout-close-wait=0", "--oom-score-adj=0", "--kernel-root=\(folder.path)",
                "--admin-socket=\(folder.file("admin"))", "--output=json",
            ] + flags
        let child = try ChildProcess(
            nsenter,
            ["--net=/proc/\(holder.pid)/ns/net", try Lab.program(), "daemon"] + arguments,
            environment: ["PATH": "\(folder.file("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"])
        child.closeInput()
        (daemon, heard) = (child, 0)
        guard serves else { return }
        let isThere = await eventually(within: .seconds(30)) { child.output.contains(#""event":"listening""#) }
        try #require(isThere, "\(child.errors)")
    }

    func stop() async throws {
        guard let child = daemon else { return }
        daemon = nil
        child.signal(SIGTERM)
        let result = try await child.finished()
        #expect(result.status == 0, "\(result.errors)")
    }

    var hasDied: Bool { daemon?.hasExited == true }

    /// How many files it may have open from here on.
    func limitFiles(to count: Int) async throws {
        try await run("prlimit --pid=\(try #require(daemon).pid) --nofile=\(count)")
    }

    /// What it has said so far is of no interest.
    func forgetLog() { heard = daemon?.errors.count ?? 0 }

    /// The lines of its log since then.
    var log: [Substring] { (daemon?.errors.dropFirst(heard) ?? "").split(separator: "\n") }

    /// Its metrics, if it answers. Health is asked for with them, as a kubelet does.
    func scrape() async throws -> MetricScrape? {
        let text = try await run(
            """
            for path in healthz livez; do curl -s -m 2 -o /dev/null http://127.0.0.1:10256/$path; done
            exec curl -s -m 2 http://127.0.0.1:10249/metrics
            """)
        guard !text.isEmpty else { return nil }
        seen.append(MetricScrape(text))
        return seen.last
    }

    // MARK: The cluster

    /// Writes the manifests, in place of those of before.
    func apply(_ manifests: String...) throws {
        try folder.write(manifests.joined(separator: "---\n"), to: "new")
        try? FileManager.default.createDirectory(atPath: folder.file("manifests"), withIntermediateDirectories: true)
        guard rename(folder.file("new"), folder.file("manifests/all.yaml")) == 0 else {
            throw Lab.Failure(description: "rename: \(errno)")
        }
    }

    func serveAPI() async throws {
        let server = try await ScriptedAPIServer(sockets: [try await socket("127.0.0.1", 6444)])
        sockets.removeLast()  // It closes it.
        let nodes = ObjectShelf("v1", "Node", at: "/api/v1/nodes")
        nodes.put("node1") { #"{"metadata":{"name":"node1","resourceVersion":"\#($0)"},"spec":{},"status":{}}"# }
        server.serve(nodes)
        server.serve(ObjectShelf("v1", "Service", at: "/api/v1/services"))
        server.serve(
            ObjectShelf("discovery.k8s.io/v1", "EndpointSlice", at: "/apis/discovery.k8s.io/v1/endpointslices"))
        api = server
    }

    /// The API server goes away, or, if it `stays`, does not know what it is asked for from now on.
    func endAPI(stays: Bool = false) async {
        guard stays else { return api?.close() ?? () }
        api?.forgetScripts()
        await api?.resetConnections()
    }

    // MARK: Pods, clients and others

    func startPod(_ name: String, at address: String) async throws {
        pods[name] = try await inside {
            try ScriptedServer(
                on: address, port: 8080,
                script: [
                    .expect("GET / HTTP/1.0\r\n\r\n"), .send("HTTP/1.0 200 OK\r\n\r\n\(name)"), .shutdownWrite,
                    .receiveAll,
                ])
        }
    }

    func endPod(_ name: String) async { await pods.removeValue(forKey: name)?.stop() }

    /// Clients of the Service, one after the other.
    ///
    /// - Returns: what each gets.
    func ask(_ count: Int, at address: String = "127.0.0.1", port: UInt16 = 30_080) async throws -> [Answer] {
        try await inside { try (0..<count).map { _ in try Client.ask(.tcp, address, port, "/") } }
    }

    /// So many clients send a datagram each.
    func send(_ count: Int, to port: UInt16) async throws {
        try await inside { for _ in 0..<count { try UDPClient(to: port).send("question") } }
    }

    /// So many clients connect, and stay until most of them were reset; then all are gone at once, whatever their pods do.
    func crowd(_ count: Int, to port: UInt16) async throws {
        let clients = try await inside { try (0..<count).map { _ in try LabSocket.connected(to: "127.0.0.1", port) } }
        func isReset(_ client: Int32) -> Bool {
            var byte: UInt8 = 0
            return recv(client, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == ECONNRESET
        }
        var gone: Set<Int32> = []
        let isMost = await eventually(within: .seconds(30)) {
            // The error is told once.
            gone.formUnion(clients.filter(isReset))
            return gone.count > count / 2
        }
        #expect(isMost, "\(gone.count): \(log.joined(separator: "\n"))")
        var reset = linger(l_onoff: 1, l_linger: 0)
        for client in clients {
            setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            close(client)
        }
    }

    /// A program listens there, and takes nobody.
    @discardableResult
    func socket(_ host: String, _ port: UInt16) async throws -> Int32 {
        let socket = try await inside { try LabSocket.listening(at: host, port) }
        sockets.append(socket)
        return socket
    }

    // MARK: The firewall

    /// Puts programs before the real ones, which do the same until ``refuseRules()``. To be called before the daemon is started.
    func wrapIptables() throws {
        for name in ["iptables-restore", "iptables-nft-restore", "iptables-legacy-restore"] {
            guard let path = findProgram(name) else { continue }
            try folder.write(
                """
                #!/bin/sh
                [ ! -e \(folder.file("refuse")) ] || { echo "\(name): line 3 failed" >&2; exit 1; }
                exec \(path) "$@"

                """, to: "bin/\(name)")
            chmod(folder.file("bin/\(name)"), 0o755)
        }
    }

    func refuseRules() throws { try folder.write("", to: "refuse") }
}
