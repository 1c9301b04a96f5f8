import ArgumentParser
import Base
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
            "Answer DNS queries for the Services here, over UDP and TCP.",
            discussion: """
                Without an address on 127.0.0.1. Answers name.namespace, with .svc and the domain or without them; \
                forwards nothing. Port 0 is chosen and printed.
                """,
            valueName: "[addr:]port"),
        transform: { try DNSArgument($0) })
    var dns: DNSArgument?

    @Option(
        help: ArgumentHelp(
            "The domain of the cluster, for --dns. (default: cluster.local)", valueName: "domain"),
        transform: { text in
            guard isHostName(text[...]), let name = DNSName(text) else {
                throw ArgumentError("'\(text)' is not a domain, such as cluster.local")
            }
            return name
        })
    var dnsDomain: DNSName?
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
