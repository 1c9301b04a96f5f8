import Base
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Notes who asks for a connection, and delivers when the test says so.
final class TestTunnel: Sendable {
    private let asked = Locked<[@Sendable (TunnelEnd) -> Void]>([])

    var count: Int { asked.withLock { $0.count } }

    func ask(_ deliver: @escaping @Sendable (TunnelEnd) -> Void) {
        asked.withLock { $0.append(deliver) }
    }

    /// Delivers one end of a connection to who asked as number `index`, and returns the other.
    func deliver(_ index: Int) throws -> OtherEnd {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        asked.withLock { $0[index] }(.connected(ends[0]))
        return OtherEnd(raw: ends[1])
    }

    func fail(_ index: Int, _ code: Int32) { asked.withLock { $0[index] }(.failed(code)) }

    func withdraw(_ index: Int, _ code: Int32, taken: String, rest: OtherEnd) {
        withdraw(index, code, taken: Array(taken.utf8), rest: rest)
    }

    func withdraw(_ index: Int, _ code: Int32, taken: [UInt8], rest: OtherEnd) {
        let nonBlocking = fcntl(rest.raw, F_GETFL) | O_NONBLOCK
        _ = fcntl(rest.raw, F_SETFL, nonBlocking)
        asked.withLock { $0[index] }(.withdrawn(code, taken: taken, rest: rest.raw))
    }

    func cut(_ index: Int, _ code: Int32) { asked.withLock { $0[index] }(.broken(code)) }
}

/// The endpoint's end of a tunnel; blocks.
struct OtherEnd {
    let raw: Int32

    func readAll() -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 100)
        while true {
            let count = Glibc.read(raw, &buffer, buffer.count)
            guard count > 0 else { return text }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    func read(_ count: Int) -> String { String(decoding: readBytes(count), as: UTF8.self) }

    func readBytes(_ count: Int) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let count = Glibc.read(raw, &buffer, count)
        return Array(buffer[..<max(0, count)])
    }

    /// Whether the other end is closed, and nothing was sent before.
    var isAtEnd: Bool {
        var byte: UInt8 = 0
        return recv(raw, &byte, 1, Int32(MSG_DONTWAIT)) == 0
    }

    func send(_ text: String) { _ = write(raw, text, text.utf8.count) }
    func close() { Glibc.close(raw) }
}
