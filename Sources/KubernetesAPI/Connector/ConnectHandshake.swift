internal import FoundationEssentials

/// Asks an HTTP proxy for a connection: `CONNECT` with Basic authentication, if there is a login.
struct ConnectHandshake: ProxyHandshake {
    private let request: String

    /// As much of an answer as is read: proxies explain themselves at length, but after the head.
    private static let limit = 16 << 10

    init(to server: ServerURL, _ proxy: ProxyURL) {
        var lines = ["CONNECT \(server.authority) HTTP/1.1", "Host: \(server.authority)"]
        if let user = proxy.user {
            let login = Data("\(user):\(proxy.password ?? "")".utf8).base64EncodedString()
            lines.append("Proxy-Authorization: Basic \(login)")
        }
        request = lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    mutating func begin() -> [UInt8] { Array(request.utf8) }

    mutating func take(_ input: inout [UInt8]) throws(ConnectorError) -> HandshakeStep {
        let end = Array("\r\n\r\n".utf8)
        guard let mark = input.firstRange(of: end) else {
            guard input.count < Self.limit else { throw .notAProxy }
            return .wait
        }
        let line = input.prefix { $0 != UInt8(ascii: "\r") }
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard line.starts(with: "HTTP/1.".utf8), words.count >= 2,
            let status = Int(String(decoding: words[1], as: UTF8.self))
        else { throw .notAProxy }
        switch status {
        case 200..<300:
            input.removeSubrange(..<mark.upperBound)
            return .done
        case 407: throw .loginRefused
        default:
            let text = String(decoding: line.drop { $0 != UInt8(ascii: " ") }.dropFirst(), as: UTF8.self)
            throw .refused(String(text.filter { !$0.isNewline && $0 != "\u{1B}" }.prefix(100)))
        }
    }
}
