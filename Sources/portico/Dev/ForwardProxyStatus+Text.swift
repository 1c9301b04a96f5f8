import Balancing
import Base
import Status

/// What is printed of a proxy.
extension ForwardProxyStatus {
    /// `SOCKS5 and HTTP proxy on 127.0.0.1:1080 and [::1]:1080`.
    private var place: String { "SOCKS5 and HTTP proxy on \(addresses.joined(separator: " and "))" }

    var remark: String { "\(place)." }

    /// With a line that can be tried out.
    ///
    /// - Parameter ports: of what is served.
    func sentences(_ ports: [PortStatus]) -> String {
        let user = hasPassword ? " --proxy-user USER" : ""
        let example = "curl\(user) --proxy socks5h://\(addresses.first ?? "") http://\(Self.example(ports))/"
        let others =
            servesOnlyOwnUser ? "\nIt serves your own user only; --share lets the others of this machine in." : ""
        return "\(place), for Services by their names:\n  \(example)\(others)"
    }

    /// A Service that there is.
    private static func example(_ ports: [PortStatus]) -> String {
        let ports = ports.filter { $0.id.transport == .tcp }
        guard let port = ports.first(where: { !$0.endpoints.isEmpty }) ?? ports.first else { return "web.shop" }
        let number = port.doors.first?.wanted.port ?? 80
        return "\(port.id.name.service).\(port.id.name.namespace)" + (number == 80 ? "" : ":\(number)")
    }

    var fields: [(String, JSONValue)] { [("proxy", .array(addresses.map { .string($0) }))] }
}
