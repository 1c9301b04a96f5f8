import ArgumentParser
import Base
import Glibc
import Names

/// How programs find what `dev` serves, other than by reading its table.
struct NameOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the variables of Kubernetes (WEB_SERVICE_HOST …) to this file.",
            discussion: """
                Lines of NAME=value, for shells, 'env -S' and 'docker run --env-file'. The file is replaced whenever \
                they change.
                """,
            valueName: "file"),
        completion: .file())
    var envFile: String?

    @Option(
        help: ArgumentHelp(
            "Write the Services' names and addresses to this file, in lines as in /etc/hosts.",
            discussion: "The file is replaced whenever they change.", valueName: "file"),
        completion: .file())
    var hostsFile: String?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Let the program behind -- find Services by their names, in an /etc/hosts of its own.",
            discussion: """
                That needs no root, and nothing else sees it. 'sudo' does not work in the program then, with --no-names it \
                does. Where the system forbids it, a line says so, and the program has the variables only.
                """))
    var names = true

    @Option(
        help: ArgumentHelp(
            "Answer DNS queries for the Services here, over UDP and TCP.",
            discussion: """
                Without an address on 127.0.0.1. Answers name.namespace, with .svc and the domain or without them, and \
                name alone for the namespace of -n; forwards nothing. Port 0 is chosen and printed.
                """,
            valueName: "[addr:]port"),
        transform: { try DNSArgument($0) })
    var dns: DNSArgument?

    @Option(
        help: ArgumentHelp(
            "The domain of the cluster, in names. (default: cluster.local)", valueName: "domain"),
        transform: { text in
            guard isHostName(text[...]), let name = DNSName(text) else {
                throw ArgumentError("'\(text)' is not a domain, such as cluster.local")
            }
            return name
        })
    var dnsDomain: DNSName?

    /// Without a dot at the end.
    var domain: String { dnsDomain.map { String("\($0)".dropLast()) } ?? "cluster.local" }

    /// A file that is written may not be one that is read, nor another that is written.
    ///
    /// - Parameter sources: files and folders.
    func check(against sources: [String]) throws {
        for (flag, path) in [("--env-file", envFile), ("--hosts-file", hostsFile)] {
            guard let path else { continue }
            let place = Self.real(path)
            let isManifest = [".yaml", ".yml", ".json"].contains { place.hasSuffix($0) }
            for source in sources {
                let other = Self.real(source)
                guard place != other, !isManifest || !place.hasPrefix(other + "/") else {
                    throw ValidationError("\(flag) \(path) would replace what is read there: name another file")
                }
            }
        }
        if let envFile, let hostsFile, Self.real(envFile) == Self.real(hostsFile) {
            throw ValidationError("--env-file and --hosts-file name the same file")
        }
    }

    /// The path with all links followed; of a file that is not there yet those of its folder.
    private static func real(_ path: String) -> String {
        if let found = realPath(path) { return found }
        let start = path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex
        let folder = realPath(start == path.startIndex ? "." : String(path[..<start]))
        return folder.map { "\($0)/\(path[start...])" } ?? path
    }

    /// Somebody else than a program behind `--` wants to know names.
    var isWanted: Bool { envFile != nil || hostsFile != nil || dns != nil }
}

/// The value of `--dns`: `[address:]port`.
struct DNSArgument: Hashable, Sendable, CustomStringConvertible {
    let address: EndpointAddress

    init(_ text: String) throws(ArgumentError) {
        let (ip, port) = try parseLocalAddress(text[...])
        address = EndpointAddress(ip: ip ?? IPAddress(v4: 0x7F00_0001), port: port)
    }

    var description: String { "\(address)" }
}
