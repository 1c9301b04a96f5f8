/// A request as it has come in at a ``ScriptedAPIServer``.
public struct ReceivedRequest: Sendable {
    public var method: String
    /// Path and query as they were sent.
    public var target: String
    /// Names in lower case, in the order they were sent.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    public var isHTTP2: Bool
    /// Which connection of the server it came by: 1, 2, …
    public var connection: Int

    /// Without its query, and decoded.
    public var path: String { decoded(target.prefix { $0 != "?" }) }

    public var query: [String: String] {
        guard let mark = target.firstIndex(of: "?") else { return [:] }
        var query: [String: String] = [:]
        for item in target[target.index(after: mark)...].split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[decoded(parts[0])] = parts.count == 2 ? decoded(parts[1]) : ""
        }
        return query
    }

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    private func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
