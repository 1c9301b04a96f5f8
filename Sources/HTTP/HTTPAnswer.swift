/// A header field of an answer.
public struct HTTPHeader: Equatable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// An answer as a value, before it becomes bytes.
public struct HTTPAnswer: Equatable, Sendable {
    public var status: HTTPStatus
    public var contentType: String
    /// Beside those that every answer has: the content's type and length, and what becomes of the connection.
    public var headers: [HTTPHeader] = []
    public var body: [UInt8]
    /// For a HEAD request: the length is told, the body is not sent.
    public var leavesBodyOut = false
    /// The connection ends after it.
    public var closes = false
    /// The client speaks HTTP/1.0, and has to be told that the connection stays.
    public var announcesPersistence = false

    public init(
        _ status: HTTPStatus = .ok, _ body: some Sequence<UInt8>, contentType: String = "text/plain"
    ) {
        self.status = status
        self.contentType = contentType
        self.body = Array(body)
    }

    /// The answer to something that is no proper request. What follows on the connection cannot be trusted, so it ends.
    static func refusal(_ status: HTTPStatus) -> HTTPAnswer {
        var answer = HTTPAnswer(status, "\(status.rawValue) \(status.reason)\n".utf8)
        answer.closes = true
        return answer
    }

    /// With what follows from the request alone, whatever is answered: whether the connection stays, and whether the
    /// body is sent.
    func following(_ request: HTTPRequest) -> HTTPAnswer {
        var answer = self
        answer.leavesBodyOut = leavesBodyOut || request.method == "HEAD"
        answer.closes = closes || !request.persists
        answer.announcesPersistence = !request.isPersistentByDefault
        return answer
    }

    /// The bytes on the wire, with headers of the server's own before those of the answer.
    func serialized(adding more: [HTTPHeader] = []) -> [UInt8] {
        var head = "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n"
        head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
        for header in more + headers { head += "\(header.name): \(Self.safe(header.value))\r\n" }
        if closes {
            head += "Connection: close\r\n"
        } else if announcesPersistence {
            head += "Connection: keep-alive\r\n"
        }
        return Array(head.utf8) + [0x0D, 0x0A] + (leavesBodyOut ? [] : body)
    }

    /// A value must not be able to add headers of its own.
    private static func safe(_ value: String) -> String {
        String(decoding: value.utf8.filter { (0x20...0x7E).contains($0) }, as: UTF8.self)
    }
}
