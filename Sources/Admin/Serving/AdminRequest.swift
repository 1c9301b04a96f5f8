internal import Base

/// Who asks.
public enum AdminAccess: Sendable {
    /// Other machines: they may read what they need to watch over this one.
    case everybody
    /// Programs of this machine, and the pages of its browsers.
    case machine
    /// Whoever may use the Unix socket: the user that this process runs as, and root.
    case owner
}

/// A request as far as it matters to the pages.
public struct AdminRequest: Sendable {
    public var method: String
    /// Without its query.
    public var path: String
    public var query: [String: String]
    public var accept: String?
    public var host: String?
    public var origin: String?
    public var body: [UInt8] = []

    /// - Parameter target: with its query.
    public init(method: String = "GET", target: String) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = [:]
        for pair in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(sides[0])] = Self.decoded(sides.dropFirst().first ?? "")
        }
    }

    /// Whether it may have been made by a page of somebody else that a browser of this machine shows: such a page cannot
    /// choose these two headers.
    var mayBeOfAnotherPage: Bool {
        guard let host, Self.isOfThisMachine(host) else { return true }
        guard let origin else { return false }
        guard let start = origin.firstRange(of: "://")?.upperBound else { return true }
        return !Self.isOfThisMachine(String(origin[start...]))
    }

    /// - Parameter host: with or without a port.
    private static func isOfThisMachine(_ host: String) -> Bool {
        if let address = EndpointAddress(host) { return address.ip.isLoopback }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return IPAddress(host.dropFirst().dropLast())?.isLoopback == true
        }
        if let address = IPAddress(host) { return address.isLoopback }
        let parts = host.lowercased().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return parts[0] == "localhost" && (parts.count == 1 || UInt16(parts[1]) != nil)
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What is answered.
public struct AdminAnswer: Sendable {
    public var status = 200
    public var contentType = "text/plain; charset=utf-8"
    public var body: [UInt8]
    /// What a page may load; nil for what is none.
    public var contentPolicy: String?

    public init(_ status: Int = 200, _ text: String, contentType: String = "text/plain; charset=utf-8") {
        self.init(bytes: Array(text.utf8), contentType: contentType)
        self.status = status
    }

    init(bytes: [UInt8], contentType: String) {
        body = bytes
        self.contentType = contentType
    }

    static func json(_ value: JSONValue) -> AdminAnswer {
        AdminAnswer(200, value.text + "\n", contentType: "application/json")
    }
}
