import Names
import Testing

@Suite struct DNSMessageTests {
    private func header(_ edit: (inout DNSHeader) -> Void = { _ in }) -> DNSHeader {
        var header = DNSHeader(id: 0xBEEF)
        edit(&header)
        return header
    }

    private var full: DNSMessage {
        let location = DNSRecord.Location(
            priority: 1, weight: 2, port: 3, target: name("db-0.db.default.svc.cluster.local"))
        let authority = DNSRecord.Authority(
            server: name("ns.cluster.local"), mailbox: name("me.cluster.local"), serial: 1, refresh: 2, retry: 3,
            expire: 4,
            minimum: 5)
        let owner = name("db.default.svc.cluster.local")
        return DNSMessage(
            header: header {
                $0.isResponse = true
                $0.isAuthoritative = true
                $0.recursionDesired = true
            },
            questions: [DNSQuestion(name: owner, type: .any, questionClass: .any)],
            answers: [
                DNSRecord(name: owner, timeToLive: 5, data: .a(0x7F00_0001)),
                DNSRecord(name: owner, timeToLive: .max, data: .aaaa(high: 1, low: .max)),
                DNSRecord(name: owner, timeToLive: 0, data: .srv(location)),
            ],
            authority: [DNSRecord(name: name("cluster.local"), timeToLive: 5, data: .soa(authority))],
            additional: [
                DNSRecord(
                    name: .root, recordClass: DNSClass(rawValue: 7), timeToLive: 5, data: .other(.txt, [1, 0x41]))
            ],
            extensions: DNSExtensions(
                payloadSize: 1232, extendedResult: 1, version: 2, flags: 0x8001, options: [0, 3, 0, 0]))
    }

    @Test func roundTrip() throws {
        #expect(try DNSMessage(full.encoded()) == full)
        #expect(try DNSMessage(DNSMessage(header: header()).encoded()) == DNSMessage(header: header()))
    }

    @Test func everyBitOfTheHeaderHasItsPlace() throws {
        let edits: [(UInt8, UInt8, (inout DNSHeader) -> Void)] = [
            (0x80, 0, { $0.isResponse = true }), (0x28, 0, { $0.operation = 5 }),
            (0x04, 0, { $0.isAuthoritative = true }),
            (0x02, 0, { $0.isTruncated = true }), (0x01, 0, { $0.recursionDesired = true }),
            (0, 0x80, { $0.recursionAvailable = true }), (0, 0x05, { $0.result = .refused }),
        ]
        for (second, third, edit) in edits {
            let header = header(edit)
            let bytes = DNSMessage(header: header).encoded()
            #expect(Array(bytes[..<4]) == [0xBE, 0xEF, second, third])
            #expect(DNSHeader(of: bytes) == header)
        }
    }

    @Test func namesAreWrittenOnce() {
        let owner = name("web.default")
        let records: [DNSRecord.Data] = [.a(1), .aaaa(high: 1, low: 2)]
        let message = DNSMessage(
            header: header(), questions: [DNSQuestion(name: owner, type: .any)],
            answers: records.map { DNSRecord(name: name("WEB.default"), timeToLive: 1, data: $0) },
            additional: [DNSRecord(name: name("db.default"), timeToLive: 1, data: .a(1))])
        let (question, fixed) = (13 + 4, 10)
        // Two bytes each for the same name, and the one label that the last one has of its own.
        #expect(message.encoded().count == 12 + question + (2 + fixed + 4) + (2 + fixed + 16) + (3 + 2 + fixed + 4))
    }

    @Test func theTargetOfAServiceIsNotCompressed() {
        let target = Array("\u{4}db-0\u{2}db\u{7}default\u{3}svc\u{7}cluster\u{5}local\u{0}".utf8)
        let bytes = full.encoded()
        #expect(bytes.indices.contains { bytes[$0...].starts(with: target) })
    }

    @Test func whatDoesNotFitIsLeftOut() throws {
        var message = full
        message.answers = (0..<100).map { DNSRecord(name: message.questions[0].name, timeToLive: 5, data: .a($0)) }
        let all = message.encoded().count
        for limit in 80...all {
            let bytes = message.encoded(limit: limit)
            #expect(bytes.count <= limit)
            let read = try DNSMessage(bytes)
            #expect(read.extensions == message.extensions && read.questions == message.questions)
            #expect(read.answers == Array(message.answers.prefix(read.answers.count)))
            let missesAnswers = read.answers.count < 100 || read.authority.isEmpty
            #expect(read.header.isTruncated == missesAnswers)
        }
        #expect(try DNSMessage(message.encoded(limit: all)) == message)
        // Only what is additional is missing, and nobody has to come back for that.
        #expect(try DNSMessage(message.encoded(limit: all - 1)).header.isTruncated == false)
    }

    @Test func namesFarBehindAreNotPointedTo() throws {
        // Pointers reach 16 KiB; each name here comes twice, many of them beyond.
        var message = full
        message.answers = (0..<2000).map { index in
            DNSRecord(name: name("a\(index / 2)"), timeToLive: 5, data: .a(UInt32(index)))
        }
        let bytes = message.encoded()
        #expect(bytes.count > 0x4000)
        #expect(try DNSMessage(bytes) == message)
    }

    @Test func aMessageOfSixtyFourKilobytesIsWrittenInNoTime() throws {
        var message = full
        message.answers = (0..<3000).map {
            DNSRecord(name: name("a\($0).b.c"), timeToLive: 5, data: .srv(.init(port: 1, target: name("d\($0).e"))))
        }
        let bytes = message.encoded()
        #expect((65_000...65_535).contains(bytes.count))
        #expect(try DNSMessage(bytes).header.isTruncated)
    }
}
