/// A proxy on the way to an API server.
public struct ProxyURL: Hashable, Sendable {
    public enum Scheme: String, Hashable, Sendable, CaseIterable {
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

    /// Reads the field `proxy-url`, or one of the proxy variables. Without a scheme it is `http`, as it is in the
    /// variables of most programs.
    public init(_ text: String) throws(MalformedURL) {
        let parts = try URLParts(text)
        switch parts.scheme {
        case nil: scheme = .http
        // The proxy looks the name up, which is how this one is always used.
        case "socks5h": scheme = .socks5
        case let name?:
            guard let known = Scheme(rawValue: name) else {
                throw MalformedURL("expected a proxy with http, https or socks5, found \"\(name)\"")
            }
            scheme = known
        }
        host = parts.host
        let usual: UInt16 =
            switch scheme {
            case .http: 80
            case .https: 443
            case .socks5: 1080
            }
        port = parts.port ?? usual
        user = parts.user
        password = parts.password
    }

    /// As `proxy-url` has it, password included: not for messages.
    var url: String {
        var login = ""
        if let user {
            login = user.percentEncoded + (password.map { ":" + $0.percentEncoded } ?? "") + "@"
        }
        return "\(scheme.rawValue)://\(login)\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

extension String {
    /// With `%XX` for all but letters, digits and `-._~`.
    package var percentEncoded: String {
        var text = ""
        for byte in utf8 {
            let character = Character(Unicode.Scalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                text.append(character)
            } else {
                text += (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
