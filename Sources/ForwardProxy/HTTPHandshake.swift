/// The statuses of HTTP that a proxy answers by itself.
enum ProxyStatus: Int {
    case badRequest = 400
    case forbidden = 403
    case authenticationRequired = 407
    case headTooLarge = 431
    case notImplemented = 501
    case badGateway = 502
    case unavailable = 503
    case versionNotSupported = 505

    private var reason: String {
        switch self {
        case .badRequest: "Bad Request"
        case .forbidden: "Forbidden"
        case .authenticationRequired: "Proxy Authentication Required"
        case .headTooLarge: "Request Header Fields Too Large"
        case .notImplemented: "Not Implemented"
        case .badGateway: "Bad Gateway"
        case .unavailable: "Service Unavailable"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }

    /// A whole answer, behind which the connection ends.
    ///
    /// - Parameter text: a sentence for people.
    func answer(_ text: String) -> [UInt8] {
        let body = "portico: \(text)\n"
        let challenge = self == .authenticationRequired ? "Proxy-Authenticate: Basic realm=\"portico\"\r\n" : ""
        return Array(
            """
            HTTP/1.1 \(rawValue) \(reason)\r
            Content-Type: text/plain; charset=utf-8\r
            Content-Length: \(body.utf8.count)\r
            \(challenge)Connection: close\r
            \r
            \(body)
            """.utf8)
    }
}

/// The proxy's part of HTTP/1.x: CONNECT (RFC 9110, 9.3.6), and requests with an absolute URI (RFC 9112, 3.2.2), of which
/// the first on a connection is passed on and the connection ends behind its answer: the next one may be meant for
/// somebody else. A value, which takes a whole head off what has come so far.
struct HTTPHandshake {
    static let largestHead = 16 << 10
    static let established = Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8)
    private static let standardPort: UInt16 = 80

    private let password: ProxyPassword?
    /// What the endpoint gets in place of the head that the client has sent; empty for CONNECT, which is for the proxy.
    private(set) var request: [UInt8] = []
    /// What the client is told once the connection stands.
    private(set) var greeting: [UInt8] = []
    /// No end of the head is before this, so that one that comes byte by byte is not looked at anew for each.
    private var searched = 0
    private var isAnswered = false

    init(password: ProxyPassword?) {
        self.password = password
    }

    /// The next step.
    ///
    /// - Parameter bytes: what the client has sent and nobody has used; what this uses is taken away.
    mutating func next(_ bytes: inout ArraySlice<UInt8>) -> ProxyStep {
        guard !isAnswered else { return .needsMore }
        guard let end = endOfHead(bytes) else {
            return bytes.count > Self.largestHead
                ? refuse(.headTooLarge, "the head of the request is too long") : .needsMore
        }
        guard end - bytes.startIndex <= Self.largestHead else {
            return refuse(.headTooLarge, "the head of the request is too long")
        }
        let lines = Self.lines(bytes[..<end])
        bytes = bytes[end...]
        guard let line = lines.first else { return refuse(.badRequest, "this is no request of HTTP") }
        return read(line, fields: lines.dropFirst())
    }

    /// Behind the empty line; lines end with CR LF or LF alone.
    private mutating func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex + searched
        while let feed = bytes[index...].firstIndex(of: 0x0A) {
            let next = feed + 1
            if next < bytes.endIndex, bytes[next] == 0x0A { return next + 1 }
            if next + 1 < bytes.endIndex, bytes[next] == 0x0D, bytes[next + 1] == 0x0A { return next + 2 }
            // What follows this one is not all there yet.
            guard next + 1 < bytes.endIndex else {
                searched = feed - bytes.startIndex
                return nil
            }
            index = next
        }
        searched = bytes.count
        return nil
    }

    private static func lines(_ head: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        head.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }.filter { !$0.isEmpty }
    }

    private mutating func read(_ line: ArraySlice<UInt8>, fields: ArraySlice<ArraySlice<UInt8>>) -> ProxyStep {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            return refuse(.badRequest, "this is no request of HTTP")
        }
        guard parts[2].starts(with: "HTTP/1.".utf8) else {
            return refuse(.versionNotSupported, "this proxy speaks HTTP/1.1")
        }
        let fields = fields.map(HTTPField.init)
        // One that is folded, or has blanks before its colon, may mean something else to others (RFC 9112, 5.1 and 5.2).
        guard !fields.contains(where: \.isMalformed) else { return refuse(.badRequest, "a header field is malformed") }
        guard admits(fields) else {
            isAnswered = true
            let answer = ProxyStatus.authenticationRequired.answer("this proxy wants a user and a password")
            return .refuse(answer, wrongPassword: fields.contains { $0.isNamed("proxy-authorization") })
        }
        if parts[0].elementsEqual("CONNECT".utf8) {
            guard let target = ForwardTarget(authority: parts[1], port: nil) else {
                return refuse(.badRequest, "CONNECT wants a host and a port, as in CONNECT web.shop:80")
            }
            (isAnswered, greeting) = (true, Self.established)
            return .ask(target)
        }
        return pass(parts[0], parts[1], parts[2], fields)
    }

    private func admits(_ fields: [HTTPField]) -> Bool {
        guard let password else { return true }
        return fields.contains { field in
            guard field.isNamed("proxy-authorization"), let said = field.basicCredentials,
                let colon = said.firstIndex(of: 0x3A)
            else { return false }
            return password.isMet(user: said[..<colon], password: said[(colon + 1)...])
        }
    }

    /// A request for an absolute URI becomes one for the path, as the server itself would be asked.
    private mutating func pass(
        _ method: ArraySlice<UInt8>, _ uri: ArraySlice<UInt8>, _ version: ArraySlice<UInt8>, _ fields: [HTTPField]
    ) -> ProxyStep {
        let scheme = "http://"
        guard String(decoding: uri.prefix(scheme.utf8.count), as: UTF8.self).lowercased() == scheme else {
            guard uri.first == 0x2F || uri.elementsEqual("*".utf8) else {
                return refuse(.notImplemented, "this proxy passes on http://, and all else by CONNECT")
            }
            return refuse(
                .badRequest, "this is a proxy: tell it to your browser, or use curl --proxy, in place of opening it")
        }
        let rest = uri.dropFirst(scheme.utf8.count)
        var authority = rest.prefix { $0 != 0x2F && $0 != 0x3F && $0 != 0x23 }
        let path = rest[authority.endIndex...].prefix { $0 != 0x23 }
        // What stands before it is for nobody here.
        if let at = authority.lastIndex(of: 0x40) { authority = authority[(at + 1)...] }
        guard let target = ForwardTarget(authority: authority, port: Self.standardPort) else {
            return refuse(.badRequest, "the address of the request names no host")
        }
        var head = Array(method) + [0x20]
        if path.isEmpty, method.elementsEqual("OPTIONS".utf8) {
            head += "*".utf8
        } else {
            head += path.first == 0x2F ? Array(path) : [0x2F] + path
        }
        head += [0x20] + version
        head += "\r\nHost: \(target.hostField(standardPort: Self.standardPort))\r\nConnection: close\r\n".utf8
        let hops = HTTPField.namesOfThisHop(fields)
        for field in fields where !hops.contains(field.name) { head += field.line + [0x0D, 0x0A] }
        (isAnswered, request) = (true, head + [0x0D, 0x0A])
        return .ask(target)
    }

    private mutating func refuse(_ status: ProxyStatus, _ text: String) -> ProxyStep {
        isAnswered = true
        return .refuse(status.answer(text), wrongPassword: false)
    }
}
