import Redirect
import TestSupport

/// A network namespace for one test, with an address to send from. It lives as long as the process in it.
final class Namespace {
    /// Holds programs of the real names that run the real ones in the namespace.
    let folder: TemporaryDirectory
    private let holder: ChildProcess

    init() async throws {
        folder = try TemporaryDirectory()
        guard let unshare = findProgram("unshare") else { throw Failure(description: "no unshare") }
        let setUp = """
            ip link set lo up
            ip link add dummy0 type dummy && ip addr add 192.168.1.5/24 dev dummy0 && ip link set dummy0 up
            ip route add default dev dummy0
            echo ready; exec sleep 600
            """
        holder = try ChildProcess(unshare, ["--net", "sh", "-c", setUp])
        let holder = holder
        guard await eventually(within: .seconds(20), { holder.output.contains("ready") }) else {
            throw Failure(description: "no namespace: \(holder.errors)")
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Its iptables of one kind, and of that kind only.
    func iptables(_ variant: Iptables.Variant) throws -> Iptables {
        for family in ["iptables", "ip6tables"] {
            for tool in ["save", "restore"] {
                let name = "\(family)-\(variant.rawValue)-\(tool)"
                guard let path = findProgram(name) else { throw Failure(description: "no \(name)") }
                try folder.write("#!/bin/sh\nexec nsenter --net=/proc/\(holder.pid)/ns/net \(path) \"$@\"\n", to: name)
                try makeExecutable(folder.file(name))
            }
        }
        return Iptables(variant: variant, searchPath: [folder.path])
    }

    /// Runs a program in the namespace and returns its output; throws if it fails.
    ///
    /// - Parameters:
    ///   - arguments: parted by blanks.
    ///   - last: one more argument, which may have blanks.
    @discardableResult
    func run(_ program: String, _ arguments: String, input: String = "", last: String? = nil) async throws -> String {
        guard let nsenter = findProgram("nsenter"), let path = findProgram(program) else {
            throw Failure(description: "no \(program)")
        }
        let words = ["--net=/proc/\(holder.pid)/ns/net", path] + arguments.split(separator: " ").map(String.init)
        let child = try ChildProcess(nsenter, words + (last.map { [$0] } ?? []))
        if !input.isEmpty { try child.write(input) }
        child.closeInput()
        let result = try await child.finished()
        guard result.status == 0 else { throw Failure(description: "\(program) \(arguments): \(result.errors)") }
        return result.output
    }
}
