import Foundation
import Testing

/// An answer of a real API server, as it was recorded.
struct Recording {
    var name: String
    var status = 0
    /// Names in lower case.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Of the request, where that was recorded, too.
    var query = ""

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    var isWatch: Bool { body.starts(with: "{\"type\":".utf8) }

    /// All in a folder of `Fixtures`.
    static func all(in folder: String) throws -> [Recording] {
        let base = try #require(Bundle.module.resourcePath) + "/Fixtures/" + folder
        let names = try FileManager.default.contentsOfDirectory(atPath: base).sorted()
        return try names.filter { $0.hasSuffix(".http") || $0.hasSuffix(".txt") }.map { try named("\(folder)/\($0)") }
    }

    /// - Parameter name: below `Fixtures`.
    static func named(_ name: String) throws -> Recording {
        let base = try #require(Bundle.module.resourcePath)
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(base)/Fixtures/\(name)")))
        var recording = Recording(name: name)
        if name.hasSuffix(".txt") {
            recording.readExchange(bytes)
        } else {
            let end = try #require(bytes.firstRange(of: "\r\n\r\n".utf8))
            recording.readHead(bytes[..<end.lowerBound])
            recording.body = Array(bytes[end.upperBound...])
            if name.contains("raw-chunked") { recording.body = unchunked(recording.body[...]) }
        }
        return recording
    }

    private mutating func readHead(_ bytes: ArraySlice<UInt8>) {
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (parts[0].lowercased(), parts[1].trimmingCharacters(in: .whitespaces))
        }
    }

    /// The notation of a recorder between client and server: `<<< chunk +0.004s, 1134 bytes`, and then these bytes.
    private mutating func readExchange(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var head: [UInt8] = []
        var isInHead = false
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            if line.hasPrefix("GET ") { query = line }
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
                head += Array(line.utf8) + [0x0A]
            }
        }
        readHead(head[...])
    }

    /// Without the sizes of chunks. The last may be missing where the server was stopped.
    private static func unchunked(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var (rest, body) = (bytes, [UInt8]())
        while let end = rest.firstRange(of: "\r\n".utf8),
            let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16)
        {
            rest = rest[end.upperBound...]
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return body
    }
}
