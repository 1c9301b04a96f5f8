import Admin
import ArgumentParser
import Base

/// Where a daemon shows how things stand.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where metrics are served; empty for nowhere. (default: 127.0.0.1:10249)",
            discussion: """
                On loopback with status, connections and a dashboard; beyond it /metrics, /healthz, /livez and /proxyMode \
                alone.
                """, valueName: "address:port"),
        transform: { try BindAddressArgument($0, port: BindAddressArgument.metricsPort) })
    var metricsBindAddress: BindAddressArgument?

    @Option(help: .hidden) var metricsPort: UInt16?

    @Option(
        help: ArgumentHelp(
            "Service ports with metrics of their own: used (those that ever had a client), all, none, or NAMESPACE/NAME, "
                + "joined by commas.", valueName: "which"),
        transform: Self.services)
    var metricsServices = MetricServices.used

    @Option(
        help: ArgumentHelp(
            "The Unix socket that 'portico status' and 'portico top' ask; empty for none. (default: "
                + "\(AdminSocket.folder)/admin-NODE.sock, for root)", valueName: "path"),
        completion: .file())
    var adminSocket: String?

    private static func services(_ text: String) throws -> MetricServices {
        switch text {
        case "used": return .used
        case "all": return .all
        case "none", "": return .none
        default:
            let names = text.split(separator: ",").map(String.init)
            for name in names where name.split(separator: "/", omittingEmptySubsequences: false).count != 2 {
                throw ArgumentError("'\(name)' is none of used, all and none, and not NAMESPACE/NAME")
            }
            return .named(Set(names))
        }
    }

    /// Of metrics; nil for none.
    var address: EndpointAddress? {
        let standard = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: BindAddressArgument.metricsPort)
        guard let port = metricsPort else { return metricsBindAddress.map(\.address) ?? standard }
        if port == 0 { return nil }
        return metricsBindAddress.map { $0.address(withPort: port) } ?? EndpointAddress(ip: standard.ip, port: port)
    }

    /// - Parameters:
    ///   - node: whose daemon it is.
    ///   - isRoot: others may not write to `/run`.
    func places(ofNode node: String, isRoot: Bool) -> [AdminDesk.Place] {
        let socket = adminSocket ?? (isRoot ? AdminSocket.path(ofNode: node) : "")
        let port = address.map { AdminDesk.Place(address: .port($0), option: "--metrics-bind-address") }
        let own =
            socket.isEmpty
            ? nil
            : AdminDesk.Place(
                address: .socket(path: socket), isOptional: adminSocket == nil,
                option: "--admin-socket")
        return [port, own].compactMap(\.self)
    }
}
