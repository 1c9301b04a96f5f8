/// An answer as a value, before it becomes bytes.
struct HTTPAnswer: Equatable {
    var status: HTTPStatus = .ok
    var body: [UInt8]
    /// For a HEAD request: the length is told, the body is not sent.
    var leavesBodyOut = false
    /// Set with status 405, which must say what is allowed.
    var allowed: String?
    /// The connection ends after it.
    var closes = false
    /// The client speaks HTTP/1.0, and has to be told that the connection stays.
    var announcesPersistence = false

    init(_ status: HTTPStatus = .ok, _ body: some Sequence<UInt8>) {
        self.status = status
        self.body = Array(body)
    }

    /// The answer to something that is no proper request. What follows on the connection cannot be trusted, so it ends.
    static func refusal(_ status: HTTPStatus) -> HTTPAnswer {
        var answer = HTTPAnswer(status, "\(status.rawValue) \(status.reason)\n".utf8)
        answer.closes = true
        return answer
    }

    /// The bytes on the wire; `podName` goes into the header `X-Pod`.
    func serialized(podName: String) -> [UInt8] {
        // A name must not be able to add headers of its own.
        let safeName = String(decoding: podName.utf8.filter { (0x21...0x7E).contains($0) }, as: UTF8.self)
        var head = "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n"
        head += "Content-Type: text/plain\r\nContent-Length: \(body.count)\r\nX-Pod: \(safeName)\r\n"
        if let allowed { head += "Allow: \(allowed)\r\n" }
        if closes {
            head += "Connection: close\r\n"
        } else if announcesPersistence {
            head += "Connection: keep-alive\r\n"
        }
        return Array(head.utf8) + [0x0D, 0x0A] + (leavesBodyOut ? [] : body)
    }
}
