import TestSupport
import Testing

@testable import HTTP

@Suite("Bytes taken by the line or by the count") struct LineBufferTests {
    private var buffer = LineBuffer()

    private mutating func append(_ text: String) {
        Array(text.utf8).withUnsafeBytes { buffer.append($0) }
    }

    private mutating func line() -> String? { buffer.takeLine().map { String(decoding: $0, as: UTF8.self) } }

    @Test("A line ends at its line feed, with or without a carriage return before it")
    mutating func ends() {
        append("a\r\nb\n\r\n\n\r\r\nc\rd\n")
        for expected in ["a", "b", "", "", "\r", "c\rd"] { #expect(line() == expected) }
        #expect(line() == nil && buffer.isEmpty)
    }

    @Test("There is no line before its line feed has come, though all else has")
    mutating func pieces() {
        for piece in ["a", "b", "\r"] {
            append(piece)
            #expect(line() == nil)
        }
        #expect(buffer.count == 3 && buffer.first == 0x61)
        append("\nc")
        #expect(line() == "ab" && line() == nil && buffer.count == 1)
    }

    @Test("A carriage return of the line before is no part of this one's end")
    mutating func lineOfNothing() {
        append("x\r\n")
        #expect(line() == "x")
        append("\n")
        #expect(line() == "" && buffer.isEmpty)
        // The last byte that was taken by count belongs to nobody else either.
        append("\r\n")
        #expect(buffer.take(1) == [0x0D])
        #expect(line() == "")
    }

    @Test("Bytes are taken by count, line feeds among them, or not at all")
    mutating func counts() {
        append("a\nb")
        #expect(buffer.take(4) == nil && buffer.count == 3)
        #expect(buffer.take(0) == [])
        #expect(buffer.take(2) == Array("a\n".utf8) && buffer.take(1) == Array("b".utf8))
        #expect(buffer.take(1) == nil && buffer.take(0) == [] && buffer.first == nil)
    }

    @Test("However bytes come and are taken, none is lost and none comes twice", arguments: UInt64(1)...20)
    mutating func anyOrder(seed: UInt64) {
        var random = SeededRandom(seed)
        var (sent, taken) = ("", "")
        for number in 0..<200 {
            let piece = ["\(number)", "\n", "x\n", ""].randomElement(using: &random) ?? ""
            append(piece)
            sent += piece
            if Bool.random(using: &random) {
                if let line = line() { taken += line + "\n" }
            } else if let bytes = buffer.take(Int.random(in: 0...3, using: &random)) {
                taken += String(decoding: bytes, as: UTF8.self)
            }
            #expect(buffer.count == sent.utf8.count - taken.utf8.count, "seed \(seed)")
        }
        taken += String(decoding: buffer.take(buffer.count) ?? [], as: UTF8.self)
        #expect(taken == sent, "seed \(seed)")
    }
}
