import Base
import Proxy

/// The value of `--local`: `[namespace/]name[:port[/udp]][=[host:]port]`.
struct LocalArgument: Hashable, Sendable {
    /// nil when the command line leaves it out.
    let namespace: String?
    let service: String
    /// nil for the only one, or the one that fits.
    let port: ServiceReference.Port?
    let transport: TransportProtocol?
    /// Where the process listens; `.command` if the command line leaves that to the program behind `--`.
    let place: LocalTarget.Place
    /// As it was written.
    let text: String

    init(_ text: String) throws(ArgumentError) {
        self.text = text
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let reference = parts[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        (namespace, service) = try ServiceReference.parseName(reference[0])
        if reference.count == 2 {
            (port, transport) = try ServiceReference.parsePort(reference[1])
        } else {
            (port, transport) = (nil, nil)
        }
        place = parts.count == 2 ? try Self.parsePlace(parts[1]) : .command
    }

    private static func parsePlace(_ text: Substring) throws(ArgumentError) -> LocalTarget.Place {
        guard !text.contains("://") else {
            throw ArgumentError("'\(text)' is a URL: a port, or host:port, is all that counts")
        }
        guard text.contains(":") else {
            guard let port = parsePort(text), port > 0 else {
                throw ArgumentError("'\(text)' is not a port on this machine: 1 to 65535")
            }
            return .port(port, host: nil)
        }
        let endpoint = try ServiceArgument.Endpoint(text)
        switch endpoint.host {
        case .name("localhost"): return .port(endpoint.port, host: nil)
        case .name(let name): return .port(endpoint.port, host: .name(name))
        case .address(let ip):
            guard !ip.isUnspecified else {
                throw ArgumentError("\(ip) is all addresses, and this is where to connect to: leave it out")
            }
            return .port(endpoint.port, host: .address(ip))
        }
    }

    func target(defaultNamespace: String) -> LocalTarget {
        LocalTarget(
            namespace: namespace ?? defaultNamespace, service: service, port: port?.ofService, transport: transport,
            place: place, text: "--local \(text)")
    }
}
