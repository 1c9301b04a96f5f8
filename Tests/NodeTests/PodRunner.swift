import APITestSupport
import Foundation
import TestSupport
import Testing

/// Runs the pods of a rendered DaemonSet on a node of a lab, as a kubelet and a container runtime do.
final class PodRunner: Sendable {
    /// One pod, whose container runs.
    final class Pod: Sendable {
        let process: ChildProcess
        /// Of the container: the number of its first process.
        let first: Int32
        private let probe: [String]

        init(_ process: ChildProcess, _ first: Int32, probe: [String]) {
            self.process = process
            self.first = first
            self.probe = probe
        }

        /// What the readiness probe says.
        func isReady() async throws -> Bool {
            let nsenter = try #require(findProgram("nsenter"))
            let child = try ChildProcess(nsenter, ["--target=\(first)", "--mount", "--pid", "--root", "--wd"] + probe)
            child.closeInput()
            return try await child.finished().status == 0
        }

        /// Lines of the log that are no notices.
        var complaints: [Substring] {
            process.errors.split(separator: "\n").filter { $0.contains(" warning ") || $0.contains(" error ") }
        }

        /// Tells it to end, as a kubelet does when the pod is deleted.
        func end() { kill(first, SIGTERM) }
    }

    let pod: RenderedPod
    private let lab: Lab
    private let node: String
    private let folder: TemporaryDirectory
    /// Those that were started: a pod that a test has no more use for is not killed for that.
    private let pods = Locked<[Pod]>([])
    private let numbers = Locked(0)
    /// By their names; those that all pods of the node share.
    private let shared: [String: String]
    private let script = "\(Lab.repository)/Tests/NodeTests/container.sh"

    /// What the kernel has been told about connection tracking, before and after.
    static let kernel = [
        "nf_conntrack_max": "1000", "nf_conntrack_tcp_timeout_established": "100",
        "nf_conntrack_tcp_timeout_close_wait": "100", "hashsize": "100",
    ]

    init(_ lab: Lab, on node: String, _ rendered: String) throws {
        (self.lab, self.node) = (lab, node)
        let (pod, configMaps) = try RenderedPod.read(rendered)
        self.pod = pod
        folder = try TemporaryDirectory()
        for (name, value) in Self.kernel { try folder.write("\(value)\n", to: "kernel/\(name)") }
        try folder.write("secret", to: "account/token")
        try folder.write(String(decoding: try lab.cluster.certificate, as: UTF8.self), to: "account/ca.crt")
        try folder.write("kube-system", to: "account/namespace")
        var shared: [String: String] = [:]
        for volume in pod.volumes {
            let place = "volumes/\(volume.name)"
            if let map = volume.configMap {
                for (file, text) in try #require(configMaps[map.name], "a ConfigMap \(map.name)") {
                    try folder.write(text, to: "\(place)/\(file)")
                }
            } else if let host = volume.hostPath {
                // In place of a folder of the machine, which has to stay as it is.
                switch host.type {
                case "DirectoryOrCreate": try folder.write("", to: "\(place)/.made")
                default: try folder.write("", to: place)
                }
            } else {
                continue
            }
            shared[volume.name] = folder.file(place)
        }
        self.shared = shared
    }

    func kernelSetting(_ name: String) throws -> String {
        String(decoding: try contents(of: folder.file("kernel/\(name)")), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs the init containers one after the other.
    func initialize() async throws {
        for container in pod.initContainers {
            let result = try await start(container, changing: [:], own: [:]).finished()
            #expect(result.status == 0, "\(container.name): \(result.errors)")
            #expect(!result.errors.contains(" warning "), "\(container.name): \(result.errors)")
        }
    }

    /// - Parameter changes: of arguments, by what they begin with.
    func start(changing changes: [String: String] = [:]) async throws -> Pod {
        let number = numbers.withLock { numbers in
            numbers += 1
            return numbers
        }
        var own: [String: String] = [:]
        for volume in self.pod.volumes where volume.emptyDir != nil {
            try folder.write("", to: "pods/\(number)/\(volume.name)/.made")
            own[volume.name] = folder.file("pods/\(number)/\(volume.name)")
        }
        let container = try #require(self.pod.containers.first)
        let process = try start(container, changing: changes, own: own)
        // The script has become the first process of the container by the time that process is the program.
        var first: Int32?
        let limit = ContinuousClock.now + .seconds(30)
        while first == nil, !process.hasExited, ContinuousClock.now < limit {
            first = children(of: process.pid).first { name(of: $0) == "portico" }
            if first == nil { try await Task.sleep(for: .milliseconds(10)) }
        }
        let pod = Pod(
            process, try #require(first, "\(process.errors)"),
            probe: try #require(container.readinessProbe?.exec?.command))
        pods.withLock { $0.append(pod) }
        return pod
    }

    private func children(of process: Int32) -> [Int32] {
        let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { Int32($0) }
    }

    private func name(of process: Int32) -> String? {
        (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8))?.trimmingCharacters(in: .newlines)
    }

    private func start(
        _ container: RenderedPod.Container, changing changes: [String: String], own: [String: String]
    ) throws -> ChildProcess {
        let security = container.securityContext
        // As every container has them: the cluster IP that the daemon must not depend on.
        var environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        for variable in container.env ?? [] {
            switch variable.valueFrom?.fieldRef.fieldPath {
            case nil: environment[variable.name] = variable.value ?? ""
            case "spec.nodeName": environment[variable.name] = node
            case let path?: throw Lab.Failure(description: "nobody fills in \(path)")
            }
        }
        var words = ["--net=/run/netns/\(lab.name)-\(node)", script, try Lab.program(), folder.file("kernel")]
        if security.privileged == true { words.append("--privileged") }
        if security.readOnlyRootFilesystem { words.append("--read-only") }
        if security.allowPrivilegeEscalation == false { words.append("--no-new-privileges") }
        #expect(pod.securityContext.runAsUser == 0 && pod.hostNetwork)
        if let capabilities = security.capabilities {
            #expect(capabilities.drop == ["ALL"])
            for name in capabilities.add { words += ["--capability", name] }
        }
        for mount in container.volumeMounts {
            let volume = try #require(own[mount.name] ?? shared[mount.name], "a volume \(mount.name)")
            let source = mount.subPath.map { "\(volume)/\($0)" } ?? volume
            words += ["--mount", source, mount.mountPath, mount.readOnly == true ? "ro" : "rw"]
        }
        words += ["--mount", folder.file("account"), "/var/run/secrets/kubernetes.io/serviceaccount", "ro", "--"]
        let arguments = container.args.map { argument in
            changes.first { argument.hasPrefix($0.key) }.map(\.value) ?? argument
        }
        words += (container.command + arguments).map { word in
            environment.reduce(word) { $0.replacingOccurrences(of: "$(\($1.key))", with: $1.value) }
        }
        let child = try ChildProcess(try #require(findProgram("nsenter")), words, environment: environment)
        child.closeInput()
        return child
    }
}
