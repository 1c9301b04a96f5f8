internal import Base

/// Asks a SOCKS5 proxy (RFC 1928) for a connection, with user and password (RFC 1929) if there is a login. A name is
/// looked up by the proxy.
struct SOCKSHandshake: ProxyHandshake {
    private enum Phase {
        case method, login, reply
    }

    private let request: [UInt8]
    private let login: [UInt8]?
    private var phase = Phase.method

    private static let version: UInt8 = 5
    private static let userAndPassword: UInt8 = 2

    init(to server: ServerURL, _ proxy: ProxyURL) throws(ConnectorError) {
        let host: [UInt8]
        if let address = IPAddress(server.host) {
            host = [address.family == .ipv4 ? 1 : 4] + address.bytes
        } else {
            host = [3] + (try Self.counted(server.host))
        }
        request = [Self.version, 1, 0] + host + [UInt8(server.port >> 8), UInt8(truncatingIfNeeded: server.port)]
        login =
            if let user = proxy.user {
                [1] + (try Self.counted(user)) + (try Self.counted(proxy.password ?? ""))
            } else {
                nil
            }
    }

    private static func counted(_ text: String) throws(ConnectorError) -> [UInt8] {
        guard let count = UInt8(exactly: text.utf8.count) else {
            throw .refused("a name, user or password of more than 255 bytes does not fit")
        }
        return [count] + Array(text.utf8)
    }

    mutating func begin() -> [UInt8] {
        login == nil ? [Self.version, 1, 0] : [Self.version, 2, 0, Self.userAndPassword]
    }

    mutating func take(_ input: inout [UInt8]) throws(ConnectorError) -> HandshakeStep {
        switch phase {
        case .method:
            guard input.count >= 2 else { return .wait }
            guard input[0] == Self.version else { throw .notAProxy }
            let method = input[1]
            input.removeFirst(2)
            if method == 0 {
                phase = .reply
                return .send(request)
            }
            guard method == Self.userAndPassword, let login else { throw .loginRefused }
            phase = .login
            return .send(login)
        case .login:
            guard input.count >= 2 else { return .wait }
            guard input[1] == 0 else { throw .loginRefused }
            input.removeFirst(2)
            phase = .reply
            return .send(request)
        case .reply:
            guard input.count >= 5 else { return .wait }
            guard input[0] == Self.version else { throw .notAProxy }
            guard input[1] == 0 else { throw .refused(Self.reason(input[1])) }
            // The address of its own end, which nobody needs.
            let address: Int
            switch input[3] {
            case 1: address = 4
            case 4: address = 16
            case 3: address = 1 + Int(input[4])
            default: throw .notAProxy
            }
            guard input.count >= 4 + address + 2 else { return .wait }
            input.removeFirst(4 + address + 2)
            return .done
        }
    }

    private static func reason(_ code: UInt8) -> String {
        switch code {
        case 2: "not allowed by its rules"
        case 3: "network unreachable"
        case 4: "host unreachable"
        case 5: "connection refused"
        case 6: "timed out"
        case 8: "kind of address not supported"
        default: "SOCKS error \(code)"
        }
    }
}
