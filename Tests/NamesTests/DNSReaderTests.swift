import Testing

@testable import Names

/// Bytes that nobody sane would send.
@Suite struct DNSReaderTests {
    private func message(_ counts: [UInt8], _ rest: [UInt8]) -> [UInt8] {
        [0, 1, 0, 0] + counts.flatMap { [0, $0] } + rest
    }

    @Test func pointersLeadBackwardsOnly() throws {
        // To itself, to each other, forwards, behind the end, into the header that is no name, and one that is fine.
        let type: [UInt8] = [0, 1, 0, 1]
        #expect(throws: DNSFormatError.badName) { try DNSMessage(message([1, 0, 0, 0], [0xC0, 12] + type)) }
        #expect(throws: DNSFormatError.badName) { try DNSMessage(message([1, 0, 0, 0], [0xC0, 14, 0xC0, 12] + type)) }
        #expect(throws: DNSFormatError.badName) { try DNSMessage(message([1, 0, 0, 0], [1, 97, 0xC0, 12] + type)) }
        #expect(throws: DNSFormatError.badName) { try DNSMessage(message([1, 0, 0, 0], [0xFF, 0xFF] + type)) }
        let fine = message([2, 0, 0, 0], [1, 97, 1, 98, 0] + type + [1, 99, 0xC0, 14] + type)
        #expect(try DNSMessage(fine).questions.map(\.name) == [name("a.b"), name("c.b")])
    }

    @Test func aNameHas255BytesAtMost() throws {
        let labels = [UInt8](repeating: 0, count: 0) + (0..<127).flatMap { _ in [1, 97] as [UInt8] } + [0]
        let type: [UInt8] = [0, 1, 0, 1]
        #expect(try DNSMessage(message([1, 0, 0, 0], labels + type)).questions[0].name.wire.count == 255)
        #expect(throws: DNSFormatError.badName) { try DNSMessage(message([1, 0, 0, 0], [1, 97] + labels + type)) }
        // The second name is one label and all of the first.
        #expect(throws: DNSFormatError.badName) {
            try DNSMessage(message([2, 0, 0, 0], labels + type + [1, 98, 0xC0, 12] + type))
        }
    }

    @Test func labelsOfUnknownKindsAreRefused() {
        for kind: UInt8 in [0x40, 0x80] {
            #expect(throws: DNSFormatError.badName) { try DNSMessage(message([1, 0, 0, 0], [kind, 0, 0, 1, 0, 1])) }
        }
    }

    @Test func lengthsAreTakenAtTheirWord() {
        let owner: [UInt8] = [0, 0, 1, 0, 1, 0, 0, 0, 5]
        #expect(throws: DNSFormatError.badRecord) {
            try DNSMessage(message([0, 1, 0, 0], owner + [0, 5, 1, 2, 3, 4, 5]))
        }
        #expect(throws: DNSFormatError.badRecord) {
            try DNSMessage(message([0, 1, 0, 0], owner + [0, 3, 1, 2, 3, 4]))
        }
        #expect(throws: DNSFormatError.tooShort) { try DNSMessage(message([0, 1, 0, 0], owner + [0xFF, 0xFF, 1, 2])) }
        #expect(throws: DNSFormatError.tooLong) { try DNSMessage(message([0, 0, 0, 0], [0])) }
        #expect(throws: DNSFormatError.tooShort) { try DNSMessage(message([1, 0, 0, 0], [])) }
        #expect(throws: DNSFormatError.tooShort) { try DNSMessage([0, 1, 0]) }
    }

    @Test func thereIsOneOPT() {
        let opt: [UInt8] = [0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0, 0]
        #expect(throws: DNSFormatError.badRecord) { try DNSMessage(message([0, 0, 0, 2], opt + opt)) }
        #expect(throws: DNSFormatError.badRecord) { try DNSMessage(message([0, 0, 0, 1], [1, 97] + opt)) }
        #expect(throws: Never.self) { try DNSMessage(message([0, 0, 0, 1], opt)) }
    }

    /// Whatever comes is either refused or a message, and a message that is written and read again is the same.
    private func check(_ bytes: [UInt8]) throws {
        let table = NameTable(
            [service("web", "default", ["127.64.0.1"], door(80, "http"))], domain: name("cluster.local"))
        for transport in [DNSTransport.udp, .tcp] {
            guard let response = table.respond(to: bytes, over: transport) else { continue }
            #expect(response.count <= (transport == .udp ? NameTable.largestDatagram : 65_535))
            #expect(try DNSMessage(response).header.isResponse)
        }
        guard let message = try? DNSMessage(bytes) else { return }
        let written = message.encoded(limit: .max)
        #expect(try DNSMessage(written) == message)
    }

    @Test func randomBytesDoNoHarm() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let length = Int.random(in: 0..<200, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Few labels and small counts, or hardly any would get beyond the first name.
            for index in bytes.indices where Bool.random() { bytes[index] &= 0x03 }
            try check(bytes)
        }
    }

    @Test func damagedMessagesDoNoHarm() throws {
        var random = SystemRandomNumberGenerator()
        let table = NameTable(
            [headless("db", "default", .init(name: "sql", endpoints: [endpoint("db-0", "10.0.0.1", 1)]))],
            domain: name("cluster.local"))
        let question = query("_sql._tcp.db.default.svc.cluster.local", .srv, edns: 4096)
        let seeds = [question, try #require(table.respond(to: question, over: .udp)), query("web.default", .any)]
        for round in 0..<3000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.removeSubrange(index...)
                default: bytes.insert(contentsOf: bytes[index...].prefix(20), at: index)
                }
            }
            try check(bytes)
        }
    }

    @Test func aChainOfPointersHasAnEnd() throws {
        // A name, and then pointers each of which leads to the one before; the last is the question's name.
        func message(pointers: Int) -> [UInt8] {
            var bytes = self.message([1, 2, 0, 0], [1, 97, 0, 0, 1, 0, 1, 0, 0, 16, 0, 1, 0, 0, 0, 5])
            bytes += [UInt8((pointers * 2) >> 8), UInt8((pointers * 2) & 0xFF)]
            let first = bytes.count
            for index in 0..<pointers {
                let target = index == 0 ? 12 : first + 2 * (index - 1)
                bytes += [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF)]
            }
            let last = first + 2 * (pointers - 1)
            return bytes + [0xC0 | UInt8(last >> 8), UInt8(last & 0xFF), 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 1, 2, 3, 4]
        }
        #expect(try DNSMessage(message(pointers: 100)).answers.last?.name == name("a"))
        #expect(throws: DNSFormatError.badName) { try DNSMessage(message(pointers: 200)) }
    }
}
