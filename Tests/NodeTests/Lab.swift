import Foundation
import TestSupport
import Testing

/// A cluster of three nodes in network namespaces, made by the same script that readers use: Examples/three-node-cluster. It is
/// removed with the object.
///
/// Pods nginx1 (node3), nginx3 (node2) and client (node1) answer on port 80, by HTTP and by datagrams, with their names.
final class Lab: Sendable {
    /// What the names of all its namespaces begin with: labs of other tests, and of the machine's user, are left alone.
    let name: String
    /// What its daemons are told of Services by.
    enum Source: CaseIterable, Sendable { case manifests, apiServer }

    private let folder: TemporaryDirectory
    private let source: Source
    /// The cluster's API server, if that is the source.
    private let api = Locked<LabCluster?>(nil)
    private let started = Locked<Set<String>>([])
    private static let script = "\(repository)/Examples/three-node-cluster/cluster"
    static let repository = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    private static let numbers = Locked(0)

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What a lab needs of the machine.
    static let requirements: ConditionTrait = .requires(
        .root, .networkNamespaces, .tool("ip"), .tool("nsenter"), .tool("iptables"))

    private init(_ source: Source) throws {
        self.source = source
        let number = Self.numbers.withLock { number in
            number += 1
            return number
        }
        name = "pt\(getpid()).\(number)"
        folder = try TemporaryDirectory()
    }

    /// - Parameters:
    ///   - daemons: where `portico daemon` is started.
    ///   - flags: further ones of theirs.
    private func build(_ daemons: [String], _ flags: [String]) async throws {
        try await cluster("up")
        for (node, pod, address) in [
            ("node3", "nginx1", "10.244.2.3"), ("node2", "nginx3", "10.244.1.3"), ("node1", "client", "10.244.0.9"),
        ] {
            try await cluster("pod", node, pod, address, "--port", "80")
        }
        if source == .apiServer {
            let api = try await LabCluster(name, nodes: ["node1", "node2", "node3"], folder)
            self.api.withLock { $0 = api }
        }
        let nodes = "\(Self.repository)/Examples/three-node-cluster/manifests/nodes.yaml"
        try await apply("nodes", try String(contentsOfFile: nodes, encoding: .utf8))
        for node in daemons { try await start(node, flags) }
    }

    /// Makes a lab, has `body` use it, and removes it, whatever comes of that.
    static func run(
        _ source: Source = .manifests, daemons: [String] = ["node1", "node2", "node3"], flags: [String] = [],
        _ body: (Lab) async throws -> Void
    ) async throws {
        let lab = try Lab(source)
        defer { lab.api.withLock { $0?.close() } }
        do {
            try await lab.build(daemons, flags)
            try await body(lab)
        } catch {
            _ = try? await lab.cluster("down")
            throw error
        }
        try await lab.cluster("down")
    }

    private var environment: [String: String] { ["LAB": name, "PORTICO": (try? Self.program()) ?? ""] }

    /// The path of the program. PORTICO_PROGRAM names another one, such as an optimized one, for figures worth telling.
    static func program() throws -> String {
        try ProcessInfo.processInfo.environment["PORTICO_PROGRAM"] ?? builtProgram()
    }

    /// Runs a command of the script and returns what it prints.
    @discardableResult
    func cluster(_ words: String...) async throws -> String { try await cluster(words) }

    @discardableResult
    func cluster(_ words: [String], _ more: [String: String] = [:]) async throws -> String {
        let child = try ChildProcess(Self.script, words, environment: environment.merging(more) { $1 })
        child.closeInput()
        let result = try await child.finished()
        guard result.status == 0 else {
            throw Failure(description: "cluster \(words) ended with \(result.status): \(result.errors)")
        }
        return result.output
    }

    /// The API server of a lab that has one.
    var cluster: LabCluster {
        get throws { try #require(api.withLock { $0 }) }
    }

    // MARK: Daemons

    func start(_ node: String, _ flags: [String] = [], environment: [String: String] = [:]) async throws {
        let source = api.withLock { $0.map { ["--kubeconfig", $0.kubeconfig] } } ?? []
        try await cluster(["daemon", node, "-v2"] + source + flags, environment)
        started.withLock { _ = $0.insert(node) }
    }

    /// What a daemon has printed since it was started, one JSON object a line.
    func events(of node: String) throws -> [String] {
        try String(contentsOfFile: "/run/portico-lab/\(name)/\(node).out", encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }

    /// Whether a daemon has said this in its log, or comes to it: a thread of its own writes that.
    func logged(_ text: String, on node: String) async -> Bool {
        await eventually(within: .seconds(30)) { (try? await cluster("log", node).contains(text)) == true }
    }

    /// Holds a lock of iptables until the input of this process is closed.
    static func hold(_ lock: String) async throws -> ChildProcess {
        let holder = try ChildProcess(
            try #require(findProgram("flock")), [lock, "sh", "-c", "echo locked; read line"])
        #expect(await eventually(within: .seconds(30)) { holder.output.contains("locked") })
        return holder
    }

    func pid(of node: String) throws -> Int32 {
        let text = try String(contentsOfFile: "/run/portico-lab/\(name)/\(node).pid", encoding: .utf8)
        return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// Whether a process has not ended. One that nobody has reaped yet has, once its last thread is gone: its sockets are
    /// open until then.
    static func isRunning(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        // Behind the name, which may have anything in it.
        guard status.split(separator: ")").last?.split(separator: " ").first == "Z" else { return true }
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
        return (threads?.count ?? 0) > 1
    }

    // MARK: Manifests

    /// Makes a manifest, or replaces the one of that name; returns when it is in force on all nodes.
    func apply(_ file: String, _ yaml: String) async throws {
        if let api = api.withLock({ $0 }) { return try await follow(api) { try $0.apply(file, yaml) } }
        try folder.write(yaml, to: "\(file).yaml")
        try await cluster("apply", folder.file("\(file).yaml"))
    }

    func delete(_ file: String) async throws {
        if let api = api.withLock({ $0 }) { return try await follow(api) { try $0.apply(file, "") } }
        try await cluster("delete", "\(file).yaml")
    }

    /// Changes what the API server has, and waits until all daemons serve that. What comes by one watch comes in order, so a
    /// daemon that serves a mark made by the last object of each kind serves all before it.
    private func follow(_ api: LabCluster, _ change: (LabCluster) throws -> Void) async throws {
        let nodes = started.withLock { $0 }
        let before = try nodes.map { ($0, try events(of: $0).count) }
        try change(api)
        guard !nodes.isEmpty else { return }
        let mark = api.mark(Manifest.Endpoint.nginx1.address)
        for (node, count) in before {
            // Only rules lead from a cluster IP to it. Whoever asks before they do waits for nothing.
            let isServed = await eventually(within: .seconds(30)) {
                guard (try? events(of: node).count) ?? 0 > count else { return false }
                return (try? await ask(from: node, mark, 80)) == .pod("nginx1")
            }
            #expect(isServed, "\(node) does not serve it after 30 seconds")
        }
    }

    /// Runs a program on a node, in a pod or outside.
    @discardableResult
    func run(on place: String, _ command: String) async throws -> String {
        try await cluster(["exec", place, "sh", "-c", command])
    }
}
