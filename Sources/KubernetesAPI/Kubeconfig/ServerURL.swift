/// The address of an API server: `https://10.0.0.1:6443/base`.
public struct ServerURL: Hashable, Sendable, CustomStringConvertible {
    public var isSecure: Bool
    /// A name or an address; an IPv6 address without brackets.
    public var host: String
    public var port: UInt16
    /// With a slash in front and none at the end; empty for none.
    public var path: String

    public init(isSecure: Bool, host: String, port: UInt16, path: String = "") {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path
    }

    /// Reads the field `server`. Query and fragment are dropped.
    ///
    /// - Parameter expectsTLS: what a text without scheme, such as `10.0.0.1:6443`, means.
    public init(_ text: String, expectsTLS: Bool) throws(MalformedURL) {
        let parts = try URLParts(text)
        switch parts.scheme {
        case "https": isSecure = true
        case "http": isSecure = false
        case nil: isSecure = expectsTLS
        case .some: throw MalformedURL("expected a URL with https or http, found \"\(URLParts.withoutLogin(text))\"")
        }
        guard parts.user == nil else {
            throw MalformedURL("expected a URL without user name; username and password are fields of a user")
        }
        host = parts.host
        port = parts.port ?? (isSecure ? 443 : 80)
        var path = parts.path[...]
        while path.last == "/" { path.removeLast() }
        guard parts.scheme != nil || path.isEmpty else {
            throw MalformedURL("expected a URL or HOST:PORT, found \"\(URLParts.withoutLogin(text))\"")
        }
        self.path = String(path)
    }

    /// As in a `Host` header, with the port.
    public var authority: String { bracketedHost + ":\(port)" }

    private var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// The port is left out where it goes without saying.
    public var description: String {
        let isUsual = port == (isSecure ? 443 : 80)
        return (isSecure ? "https://" : "http://") + (isUsual ? bracketedHost : authority) + path
    }
}
