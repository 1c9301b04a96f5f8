import Testing

@testable import Names

/// What surrounds an answer: header, EDNS, sizes, and queries that are none.
@Suite struct RespondTests {
    private let table = NameTable(
        [
            service("web", "default", ["127.64.0.1"], door(80, "http")),
            headless("many", "default", .init(endpoints: (0..<200).map { endpoint("p\($0)", "10.0.1.\($0)", 80) })),
        ],
        domain: name("cluster.local"))

    @Test func theHeaderSaysWhoSpeaks() throws {
        let ours = try table.ask(query("Web.default", id: 0x1234)).header
        #expect(ours.id == 0x1234 && ours.isResponse && ours.isAuthoritative && !ours.isTruncated)
        #expect(ours.recursionDesired && !ours.recursionAvailable, "RD is repeated, RA is not offered")
        let others = try table.ask(query("example.com") { $0.header.recursionDesired = false }).header
        #expect(!others.isAuthoritative && !others.recursionDesired && others.result == .refused)
        #expect(try table.ask(query("nothing.default.svc")).header.isAuthoritative)
    }

    @Test func theQuestionIsRepeatedToTheLetter() throws {
        let response = try #require(table.respond(to: query("wEb.DEfault"), over: .udp))
        let question = Array("\u{3}wEb\u{7}DEfault\u{0}".utf8)
        #expect(Array(response[12..<12 + question.count]) == question)
    }

    @Test func ednsIsAnsweredWhereItIsSpoken() throws {
        #expect(try table.ask(query("web.default")).extensions == nil)
        let plain = try table.ask(query("web.default", edns: 4096))
        #expect(plain.extensions == DNSExtensions(payloadSize: 1232))
        #expect(plain.answers.count == 1)
        let signed = try table.ask(query("web.default", edns: 4096) { $0.extensions?.flags = 0xFFFF })
        #expect(signed.extensions?.flags == DNSExtensions.wantsSignatures, "and no bit that nobody knows")
        let options = try table.ask(query("web.default", edns: 4096) { $0.extensions?.options = [0, 10, 0, 2, 1, 2] })
        #expect(options.extensions?.options == [])
        let later = try table.ask(query("web.default", edns: 4096) { $0.extensions?.version = 1 })
        #expect(later.extensions?.extendedResult == 1 && later.header.result == .success && later.answers.isEmpty)
    }

    @Test(arguments: [(nil, 512), (0, 512), (600, 600), (1232, 1232), (65_535, 1232)] as [(UInt16?, Int)])
    func datagramsAreAsLongAsTheClientTakesThem(payloadSize: UInt16?, limit: Int) throws {
        let asked = query("many.default", edns: payloadSize)
        let datagram = try #require(table.respond(to: asked, over: .udp))
        #expect(datagram.count <= limit && datagram.count > limit - 16)
        let message = try DNSMessage(datagram)
        #expect(message.header.isTruncated)
        #expect(message.answers.count == (limit - 12 - 18 - (payloadSize == nil ? 0 : 11)) / 16)

        let stream = try table.ask(asked, over: .tcp)
        #expect(!stream.header.isTruncated && stream.answers.count == 200)
    }

    @Test func otherOperationsAreNotThere() throws {
        let update = try table.ask(query("web.default") { $0.header.operation = 5 })
        #expect(update.header.result == .notImplemented && update.header.operation == 5)
        let chaos = try table.ask(query("version.bind", .txt) { $0.questions[0].questionClass = DNSClass(rawValue: 3) })
        #expect(chaos.header.result == .refused)
    }

    @Test func whatCannotBeReadIsSaidToBeSo() throws {
        let whole = query("web.default", id: 7)
        let cut = try table.ask(Array(whole.dropLast()))
        #expect(cut.header.result == .formatError && cut.header.id == 7 && cut.questions.isEmpty)
        #expect(try table.ask(query("web.default") { $0.questions = [] }).header.result == .formatError)
        #expect(try table.ask(query("web.default") { $0.questions += $0.questions }).header.result == .formatError)
        #expect(table.respond(to: Array(whole.prefix(11)), over: .udp) == nil)
        #expect(table.respond(to: [], over: .tcp) == nil)
    }

    @Test func responsesAreNeverAnswered() {
        #expect(table.respond(to: query("web.default") { $0.header.isResponse = true }, over: .udp) == nil)
    }
}
