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

    /// As in a `Host` header, with the port.
    public var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    public var description: String { (isSecure ? "https://" : "http://") + authority + path }
}

/// A proxy on the way to an API server.
public struct ProxyURL: Hashable, Sendable {
    public enum Scheme: String, Hashable, Sendable {
        case http, https, socks5
    }

    public var scheme: Scheme
    public var host: String
    public var port: UInt16
    public var user: String?
    public var password: String?

    public init(_ scheme: Scheme, host: String, port: UInt16) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }
}
