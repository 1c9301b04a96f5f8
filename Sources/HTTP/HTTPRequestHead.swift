/// A request line and its headers, reduced to what decides about the body, the connection and the answer.
struct HTTPRequestHead {
    /// Why a head is refused.
    struct Refusal: Error {
        let status: HTTPStatus
        init(_ status: HTTPStatus) { self.status = status }
    }

    let method: String
    let path: String
    let isPersistentByDefault: Bool
    private(set) var expectsContinue = false
    private var contentLength: Int?
    private var hasTransferEncoding = false
    private var says: (close: Bool, keepAlive: Bool) = (false, false)

    static func parse(requestLine line: [UInt8]) -> Result<HTTPRequestHead, Refusal> {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(\.isTokenCharacter), !parts[1].isEmpty,
            parts[1].allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return .failure(Refusal(.badRequest)) }
        let version = parts[2]
        guard version.starts(with: "HTTP/".utf8), version.count == 8, version[version.startIndex + 6] == 0x2E,
            version[version.startIndex + 5].isDigit, version[version.startIndex + 7].isDigit
        else { return .failure(Refusal(.badRequest)) }
        guard version[version.startIndex + 5] == 0x31 else { return .failure(Refusal(.versionNotSupported)) }
        return .success(
            HTTPRequestHead(
                method: String(decoding: parts[0], as: UTF8.self),
                path: path(of: parts[1]),
                isPersistentByDefault: version[version.startIndex + 7] != 0x30))
    }

    /// A client that takes the server for a proxy names server and path (RFC 9112, 3.2.2); it means the path.
    private static func path(of target: ArraySlice<UInt8>) -> String {
        let text = String(decoding: target.prefix { $0 != 0x3F }, as: UTF8.self)
        let start = text.prefix(8).lowercased()
        guard let scheme = ["http://", "https://"].first(where: { start.hasPrefix($0) }) else { return text }
        let path = text.utf8.dropFirst(scheme.utf8.count).drop { $0 != 0x2F }
        return path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
    }

    private init(method: String, path: String, isPersistentByDefault: Bool) {
        self.method = method
        self.path = path
        self.isPersistentByDefault = isPersistentByDefault
    }

    /// Takes one header line; false if it is malformed.
    mutating func add(header line: [UInt8]) -> Bool {
        // White space is no token character: this refuses folded lines and "Name :" too, as RFC 9112 demands.
        guard let colon = line.firstIndex(of: 0x3A), colon > 0, line[..<colon].allSatisfy(\.isTokenCharacter)
        else { return false }
        let value = line[(colon + 1)...]
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return false }
        let text = String(decoding: value.trimmed, as: UTF8.self)
        switch String(decoding: line[..<colon], as: UTF8.self).lowercased() {
        case "content-length":
            guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return false }
            // A number that no Int holds is too large for certain.
            let length = Int(text) ?? .max
            guard contentLength == nil || contentLength == length else { return false }
            contentLength = length
        case "transfer-encoding":
            hasTransferEncoding = true
        case "connection":
            for option in text.lowercased().utf8.split(separator: 0x2C) {
                let option = Array(option)[...].trimmed
                if option.elementsEqual("close".utf8) { says.close = true }
                if option.elementsEqual("keep-alive".utf8) { says.keepAlive = true }
            }
        case "expect":
            // A client of HTTP/1.0 does not know what to do with the interim answer.
            expectsContinue = isPersistentByDefault && text.lowercased() == "100-continue"
        default: break
        }
        return true
    }

    /// How many bytes of body follow the head.
    func bodyLength(atMost limit: Int) -> Result<Int, Refusal> {
        // Both at once is how requests are smuggled past proxies. Chunked bodies alone would be proper; nobody sends
        // them to these servers, and 411 is the way to say that they are not taken.
        if hasTransferEncoding { return .failure(Refusal(contentLength == nil ? .lengthRequired : .badRequest)) }
        let length = contentLength ?? 0
        return length > limit ? .failure(Refusal(.contentTooLarge)) : .success(length)
    }

    func request(body: [UInt8]) -> HTTPRequest {
        var request = HTTPRequest(method: method, path: path, body: body, isPersistentByDefault: isPersistentByDefault)
        if says.close { request.wantsToPersist = false } else if says.keepAlive { request.wantsToPersist = true }
        return request
    }
}

extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }

    /// Whether it may stand in a method or a header name (RFC 9110, 5.6.2).
    var isTokenCharacter: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) })
        else { return [] }
        return self[first...last]
    }
}
