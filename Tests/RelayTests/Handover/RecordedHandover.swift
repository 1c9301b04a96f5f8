import Base
import EventLoop
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Relay

/// A conversation as it is kept in `Recorded/`: who said what, and with how many descriptors. A line each; `\t` and `\n`
/// stand for a tab and the end of a line, and `{web}` and `{dns}` for the addresses of the two doors.
struct RecordedHandover: Equatable, CustomStringConvertible {
    enum Side: String { case new, old }

    struct Message: Equatable {
        let side: Side
        let descriptors: Int
        let text: String
    }

    var messages: [Message] = []

    init() {}

    /// The conversation in a version, which a program of that time has had.
    init(version: Int) throws {
        let text = try String(contentsOfFile: Self.file(version), encoding: .utf8)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: " ", maxSplits: 2)
            messages.append(
                Message(
                    side: try #require(fields.first.flatMap { Side(rawValue: String($0)) }),
                    descriptors: try #require(Int(fields[1])),
                    text: String(fields[2]).replacing(#"\n"#, with: "\n").replacing(#"\t"#, with: "\t")))
        }
    }

    static func file(_ version: Int) -> String {
        let folder = #filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined()
        return "\(folder)/Recorded/\(version).txt"
    }

    var description: String {
        messages.map {
            let text = $0.text.replacing("\t", with: #"\t"#).replacing("\n", with: #"\n"#)
            return "\($0.side.rawValue) \($0.descriptors) \(text)\n"
        }.joined()
    }

    /// The same, asked in another version.
    func asked(in version: Int) -> RecordedHandover {
        var other = self
        other.messages[0] = Message(side: .new, descriptors: 0, text: HandoverMessage.hello(version: version).text)
        return other
    }
}

/// Where the two doors of a conversation are.
struct RecordedPlaces {
    let web: EndpointAddress
    let dns: EndpointAddress

    private var names: [(name: String, address: String)] { [("{web}", "\(web)"), ("{dns}", "\(dns)")] }

    /// A message as it is recorded. The order of doors is nobody's business.
    func recorded(_ bytes: [UInt8]) -> String {
        var text = String(decoding: bytes, as: UTF8.self)
        for (name, address) in names { text = text.replacing("\t\(address)", with: "\t\(name)") }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return (lines.prefix(1) + lines.dropFirst().sorted()).joined(separator: "\n")
    }

    func filledIn(_ text: String) -> String {
        names.reduce(text) { $0.replacing($1.name, with: $1.address) }
    }
}

extension RecordedHandover {
    /// Stands between two processes, passes on what they say to each other, and writes it down: the new process asks at
    /// `path`, the old one answers at `original`. Until one of them ends.
    static func record(
        at path: String, _ places: RecordedPlaces, from original: String
    ) async throws -> RecordedHandover {
        let listener = try MessageSocket.listen(at: path).release()
        return try await onThread {
            let new = try MessageSocket.accept(from: Descriptor(owning: listener))
            let old = try MessageSocket.connect(to: original, limit: 10_000)
            var recorded = RecordedHandover()
            while true {
                for side in [Side.new, .old] {
                    let message = try side == .new ? new.receive() : old.receive()
                    defer { for descriptor in message.descriptors { close(descriptor) } }
                    if message.bytes.isEmpty { return recorded }
                    recorded.messages.append(
                        Message(
                            side: side, descriptors: message.descriptors.count, text: places.recorded(message.bytes)))
                    try side == .new
                        ? old.send(message.bytes, message.descriptors) : new.send(message.bytes, message.descriptors)
                }
            }
        }
    }

    /// Plays one side. What the other side says has to be what is recorded.
    ///
    /// - Parameter give: the descriptors that go with a message.
    /// - Returns: those that came.
    func play(
        _ mine: Side, over socket: consuming MessageSocket, _ places: RecordedPlaces, give: (Message) throws -> [Int32]
    ) throws -> [Int32] {
        var received: [Int32] = []
        for message in messages {
            if message.side == mine {
                try socket.send(Array(places.filledIn(message.text).utf8), try give(message))
            } else {
                let answer = try socket.receive()
                #expect(places.recorded(answer.bytes) == message.text)
                #expect(answer.descriptors.count == message.descriptors)
                received += answer.descriptors
            }
        }
        return received
    }

    /// Does what blocks on a thread of its own.
    static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try spawnThread(stackBytes: 2 << 20) { continuation.resume(with: Result { try body() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
