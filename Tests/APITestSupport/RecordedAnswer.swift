/// An answer of a real API server, as it was recorded: status line, headers, an empty line, body.
public struct RecordedAnswer: Sendable {
    /// Of its file.
    public var name = ""
    public let status: Int
    public let headers: [(name: String, value: String)]
    /// Without framing.
    public let body: [UInt8]
    /// As recorded.
    public let bytes: [UInt8]
    /// Whether the sizes of chunks were recorded too.
    public let hasFraming: Bool
    /// Whether the answer was recorded to its end.
    public let isWhole: Bool

    /// - Parameter hasFraming: that the file holds the sizes of chunks.
    public init(_ bytes: [UInt8], hasFraming: Bool) throws {
        guard let end = Self.position(of: "\r\n\r\n", in: bytes[...]) else {
            throw ScriptError("a recording without an empty line")
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else {
            throw ScriptError("not a status line: \(lines[0])")
        }
        self.status = status
        headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]), String(parts[1].drop { $0 == " " }))
        }
        self.bytes = bytes
        self.hasFraming = hasFraming
        let rest = bytes[(end + 4)...]
        (body, isWhole) = hasFraming ? try Self.unchunked(rest) : (Array(rest), true)
    }

    /// Reads what a recorder between client and server wrote of one exchange: `<<< response`, the head, an empty line, and then
    /// `<<< chunk +0.004s, 1134 bytes` before as many of the body.
    public init(exchange bytes: [UInt8]) throws {
        var (rest, head, body) = (bytes[...], [String](), [UInt8]())
        var isInHead = false
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\r").first.map(String.init) ?? ""
            rest = rest[(end + 1)...]
            if line.hasPrefix("<<< response") {
                isInHead = true
            } else if line.isEmpty {
                isInHead = false
            } else if line.hasPrefix("<<< "), line.hasSuffix(" bytes") {
                let count = line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0
                body += rest.prefix(count)
                rest = rest.dropFirst(count)
                if rest.first == 0x0A { rest = rest.dropFirst() }
            } else if isInHead {
                head.append(line)
            }
        }
        try self.init(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body, hasFraming: false)
    }

    /// The first value of a header.
    ///
    /// - Parameter name: in any case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    public var isWatch: Bool { body.starts(with: "{\"type\":".utf8) }

    /// As it would be on the wire, in one chunk if that was not recorded.
    public var framedBytes: [UInt8] {
        let isChunked = headers.contains { $0.name.lowercased() == "transfer-encoding" }
        guard !hasFraming, isChunked else { return bytes }
        var framed = Array(bytes.dropLast(body.count))
        framed += "\(String(body.count, radix: 16))\r\n".utf8
        framed += body
        framed += "\r\n0\r\n\r\n".utf8
        return framed
    }

    private static func unchunked(_ bytes: ArraySlice<UInt8>) throws -> (body: [UInt8], isWhole: Bool) {
        var (body, rest) = ([UInt8](), bytes)
        while let end = position(of: "\r\n", in: rest) {
            guard let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16) else {
                throw ScriptError("not the size of a chunk")
            }
            if size == 0 { return (body, true) }
            body += rest[(end + 2)...].prefix(size)
            rest = rest[(end + 2)...].dropFirst(size + 2)
        }
        return (body, false)
    }

    private static func position(of text: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let wanted = Array(text.utf8)
        return bytes.indices.first { bytes[$0] == wanted[0] && bytes[$0...].starts(with: wanted) }
    }
}
