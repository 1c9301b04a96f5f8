import Glibc
import Testing

@testable import portico

/// What somebody writes to a stream, which must be less than a pipe holds.
func said(_ write: (StandardStream) throws -> Void) throws -> String {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    do {
        defer { close(ends[1]) }
        try write(StandardStream(descriptor: ends[1]))
    }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &buffer, buffer.count), count > 0 { text += buffer[..<count] }
    return String(decoding: text, as: UTF8.self)
}
