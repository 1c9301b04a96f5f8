import APITestSupport
import Foundation
import NIOCore
import Testing

@testable import Tunnels

/// An upgraded connection as it was recorded with a real API server.
struct Recording {
    /// What a frame says, in few words; neighbouring pieces of one stream are one.
    enum Frame: Hashable {
        case data(stream: Int, count: Int, isLast: Bool)
        case other(String)
    }

    /// What each side sent after the upgrade, in the pieces that were recorded.
    var client: [[UInt8]] = []
    var server: [[UInt8]] = []
    /// What the recorder made of it.
    var clientFrames: [Frame] = []
    var serverFrames: [Frame] = []
    var isWebSocket = false

    static func named(_ name: String) throws -> Recording {
        let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures").path
        return Recording(try String(contentsOfFile: "\(folder)/\(name).txt", encoding: .utf8))
    }

    init(_ text: String) {
        var isClient = false
        var takes = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix(">>> ") || line.hasPrefix("<<< ") {
                isClient = line.hasPrefix(">")
                takes = line.contains(" WS ") || line.contains("s SPDY ")
                if takes {
                    if isClient { client.append([]) } else { server.append([]) }
                }
                if line.contains(" WS ") { isWebSocket = true }
                if let words = line.range(of: "SPDY ") { note(String(line[words.upperBound...]), isClient) }
            } else if takes, line.hasPrefix("  ") {
                let digits = line.dropFirst(10).prefix(48)
                let row = bytes(String(digits))
                if isClient { client[client.count - 1] += row } else { server[server.count - 1] += row }
            } else {
                takes = false
            }
        }
    }

    private mutating func note(_ text: String, _ isClient: Bool) {
        func field(_ name: String) -> Int {
            guard let range = text.range(of: name + "=") else { return 0 }
            return Int(text[range.upperBound...].prefix { $0.isNumber }) ?? 0
        }
        let frame: Frame
        if text.hasPrefix("DATA") {
            frame = .data(stream: field("stream"), count: field("len"), isLast: text.contains("FIN"))
        } else if text.contains("SYN_STREAM") {
            let headers = text.drop { $0 != "{" }.dropFirst().dropLast().split(separator: ",").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            frame = .other("SYN_STREAM \(field("stream")) \(headers.sorted())")
        } else {
            let name = text.split(separator: " ").first { $0.contains("_") || $0 == "PING" || $0 == "GOAWAY" } ?? ""
            frame = .other("\(name) \(name == "PING" ? field("id") : field("stream"))")
        }
        if isClient { Self.append(frame, to: &clientFrames) } else { Self.append(frame, to: &serverFrames) }
    }

    private static func append(_ frame: Frame, to frames: inout [Frame]) {
        if case .data(let stream, let count, let isLast) = frame, count > 0,
            case .data(stream, let before, false)? = frames.last
        {
            frames[frames.count - 1] = .data(stream: stream, count: before + count, isLast: isLast)
        } else {
            frames.append(frame)
        }
    }

    /// What our own reader makes of one side.
    func frames(ofClient isClient: Bool, cut: Int) throws -> [Frame] {
        // What a client masked was recorded without its mask.
        let all = (isClient ? client : server).flatMap { $0 }
        return try read(all, cut: cut).reduce(into: []) { frames, frame in
            switch frame {
            case .data(let stream, let bytes, let isLast):
                Self.append(.data(stream: Int(stream), count: bytes.readableBytes, isLast: isLast), to: &frames)
            case .synStream(let stream, let headers):
                frames.append(.other("SYN_STREAM \(stream) \(headers.map { "\($0.key): \($0.value)" }.sorted())"))
            case .synReply(let stream): frames.append(.other("SYN_REPLY \(stream)"))
            case .reset(let stream, _): frames.append(.other("RST_STREAM \(stream)"))
            case .ping(let id): frames.append(.other("PING \(id)"))
            case .goAway: frames.append(.other("GOAWAY 0"))
            case .other(let type): frames.append(.other("\(type)"))
            }
        }
    }

    /// What the server sent, as it came by the connection.
    var serverBytes: [UInt8] {
        guard isWebSocket else { return server.flatMap { $0 } }
        return server.flatMap { message -> [UInt8] in
            let head: [UInt8] =
                message.count < 126
                ? [0x82, UInt8(message.count)] : [0x82, 126, UInt8(message.count >> 8), UInt8(message.count & 255)]
            return head + message
        }
    }
}
