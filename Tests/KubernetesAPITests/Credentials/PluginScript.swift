internal import Glibc
import KubernetesAPI
import TestSupport

/// A plug-in that a test writes, in shell, and what it left behind.
struct PluginScript {
    let folder: TemporaryDirectory
    let name: String

    /// - Parameter script: its lines; `$1` and so on are its arguments.
    init(_ folder: TemporaryDirectory, name: String = "login", _ script: String) throws {
        self.folder = folder
        self.name = name
        try folder.write("echo run >> \(folder.path)/\(name).runs\n" + script, to: "\(name).sh")
        try folder.write("", to: "\(name).runs")
        try folder.write("", to: "bin/.keep")
        // A shell under another name: a program that was just written cannot be run while a process that starts beside it
        // still has it open.
        _ = symlink("/bin/sh", folder.file("bin/\(name)"))
    }

    func replace(_ script: String) throws {
        try folder.replace("\(name).sh", with: "echo run >> \(folder.path)/\(name).runs\n" + script)
    }

    func plugin(_ arguments: [String] = [], version: ExecPlugin.Version = .v1beta1) -> ExecPlugin {
        var plugin = ExecPlugin(version, command: name)
        plugin.arguments = [folder.file("\(name).sh")] + arguments
        return plugin
    }

    var host: ExecHost { ExecHost(environment: ["PATH": "\(folder.path)/bin:/usr/bin:/bin", "LANG": "C"]) }

    /// How many times it has been run.
    var runs: Int { text("\(name).runs").split(separator: "\n").count }

    func text(_ file: String) -> String {
        guard let stream = fopen(folder.file(file), "r") else { return "" }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        while case let byte = getc(stream), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A script that writes an ExecCredential with this status.
    static func writes(_ status: String, version: String = "client.authentication.k8s.io/v1beta1") -> String {
        """
        cat <<'END'
        {"kind": "ExecCredential", "apiVersion": "\(version)", "spec": {}, "status": {\(status)}}
        END

        """
    }
}
/// Makes a named pipe; says whether it is there.
func makePipe(_ path: String) -> Bool { mkfifo(path, 0o600) == 0 }

func isRunning(_ process: Int32) -> Bool { kill(process, 0) == 0 }
