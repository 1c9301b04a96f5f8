/// Cuts a byte stream into HTTP/1.x requests, however the stream was cut on its way. A value, and no I/O.
///
/// It is strict where leniency is dangerous between proxies (lengths, white space before colons, folded headers) and
/// lenient where people type by hand: bare line feeds and a missing `Host` will do. The first violation is final, since
/// nobody knows where the next request would begin.
struct HTTPRequestParser {
    /// Request line and headers together, in bytes.
    static let largestHead = 16 << 10

    enum Event: Equatable {
        case needsMore
        /// The client waits for a "100 Continue" before it sends the body. Reported once.
        case expectsContinue
        case request(HTTPRequest)
        case refused(HTTPStatus)
    }

    private enum Phase {
        case requestLine
        case headers(HTTPRequestHead)
        case body(HTTPRequestHead, length: Int, saidContinue: Bool)
        case refused(HTTPStatus)
    }

    private let largestBody: Int
    private var phase = Phase.requestLine
    private var lines = LineBuffer()
    /// Bytes of this request's head so far.
    private var headSize = 0

    /// - Parameter largestBody: in bytes; a request with a longer one is refused.
    init(largestBody: Int = 1 << 20) {
        self.largestBody = largestBody
    }

    /// Whether a request has begun that is not complete: the end of the stream would cut it off.
    var isInsideRequest: Bool {
        if case .requestLine = phase { !lines.isEmpty } else { true }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        lines.append(bytes)
    }

    /// The next thing to do; call it again after anything but `needsMore` and `refused`.
    mutating func next() -> Event {
        while true {
            switch phase {
            case .refused(let status):
                return .refused(status)
            case .body(let head, let length, let saidContinue):
                if let body = lines.take(length) {
                    begin()
                    return .request(head.request(body: body))
                }
                guard head.expectsContinue, !saidContinue else { return .needsMore }
                phase = .body(head, length: length, saidContinue: true)
                return .expectsContinue
            case .requestLine, .headers:
                guard let line = lines.takeLine() else {
                    if let status = verdictOnUnfinishedLine() { return refuse(status) }
                    return .needsMore
                }
                headSize += line.count + 2
                guard headSize <= Self.largestHead else { return refuse(.headerFieldsTooLarge) }
                if let status = accept(line) { return refuse(status) }
            }
        }
    }

    /// One line of the head. Returns why it is refused, if it is.
    private mutating func accept(_ line: [UInt8]) -> HTTPStatus? {
        switch phase {
        case .requestLine:
            // Empty lines before a request are to be ignored (RFC 9112, 2.2).
            guard !line.isEmpty else { return nil }
            switch HTTPRequestHead.parse(requestLine: line) {
            case .success(let head): phase = .headers(head)
            case .failure(let refusal): return refusal.status
            }
        case .headers(var head):
            if line.isEmpty {
                switch head.bodyLength(atMost: largestBody) {
                case .success(let length): phase = .body(head, length: length, saidContinue: false)
                case .failure(let refusal): return refusal.status
                }
            } else {
                guard head.add(header: line) else { return .badRequest }
                phase = .headers(head)
            }
        case .body, .refused: break
        }
        return nil
    }

    /// What can be said of a line whose end has not come yet. Something that is no HTTP at all, a TLS hello for
    /// example, may never contain a line feed; its first byte gives it away.
    private func verdictOnUnfinishedLine() -> HTTPStatus? {
        if headSize + lines.count > Self.largestHead { return .headerFieldsTooLarge }
        if case .requestLine = phase, let first = lines.first, first != 0x0D, !first.isTokenCharacter {
            return .badRequest
        }
        return nil
    }

    private mutating func refuse(_ status: HTTPStatus) -> Event {
        phase = .refused(status)
        lines = LineBuffer()
        return .refused(status)
    }

    private mutating func begin() {
        phase = .requestLine
        headSize = 0
    }
}
