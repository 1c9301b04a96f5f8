import Base
import EventLoop
import TestSupport
import Testing

@testable import Names

/// The server itself, on loopback.
@Suite(.timeLimit(.minutes(2))) struct DNSServerTests {
    private static let domain = name("cluster.local")
    private static let web = service("web", "default", ["127.64.0.1"], door(80, "http", at: 8080))

    private func start(_ services: [NamedService] = [web]) throws -> DNSServer {
        try DNSServer(on: .loopback(port: 0), NameTable(services, domain: Self.domain))
    }

    private static let many = headless(
        "many", "default", .init(endpoints: (0..<200).map { endpoint("p\($0)", "10.0.1.\($0)", 80) }))

    private func ask(_ server: DNSServer, _ bytes: [UInt8]) async throws -> [String] {
        let client = try UDPClient(to: server.address.port)
        try client.send(bytes)
        return try DNSMessage(#require(try await client.receive())).answers.map(\.text)
    }

    @Test func answersDatagrams() async throws {
        let server = try start()
        #expect(try await ask(server, query("web.default")) == ["A 127.64.0.1"])
        server.stop()
    }

    @Test func rubbishChangesNothing() async throws {
        let server = try start()
        let client = try UDPClient(to: server.address.port)
        for bytes in [[], [1], [UInt8](repeating: 0xFF, count: 300), [UInt8](repeating: 0xC0, count: 9000)] as [[UInt8]]
        {
            try client.send(bytes)
        }
        #expect(try await ask(server, query("web.default")) == ["A 127.64.0.1"])
        server.stop()
    }

    @Test func aBurstOfQueriesIsAnsweredInFull() async throws {
        let server = try start()
        let client = try UDPClient(to: server.address.port)
        // As many as the client's own socket can hold.
        for id in 0..<200 { try client.send(query("web.default", id: UInt16(id))) }
        var ids: Set<UInt16> = []
        while ids.count < 200, let answer = try await client.receive() { ids.insert(try DNSMessage(answer).header.id) }
        #expect(ids.count == 200)
        server.stop()
    }

    @Test func whatChangesCounts() async throws {
        let server = try start()
        server.update([key("web"): service("web", "default", ["127.64.0.9"], door(80))])
        #expect(try await eventually { try await ask(server, query("web.default")) == ["A 127.64.0.9"] })
        server.stop()
    }

    @Test func severalQuestionsOnOneConnection() async throws {
        let server = try start([Self.web, Self.many])
        let questions = [query("web.default", id: 1), query("many.default", id: 2), query("web.default", id: 3)]
        let table = NameTable([Self.web, Self.many], domain: Self.domain)
        let expected = try questions.flatMap { DNSStream.framed(try #require(table.respond(to: $0, over: .tcp))) }
        // All at once, then the end of the client's side: the answers come all the same, in order, and then the end.
        let asked = questions.flatMap { DNSStream.framed($0) }
        let client = try ScriptedPeer.connect(
            to: server.address.port, script: [.send(asked), .shutdownWrite, .expect(expected), .receiveAll])
        #expect(try await client.finished().sawEnd)
        // And byte by byte, with the connection left open.
        let slow = try ScriptedPeer.connect(
            to: server.address.port,
            script: DNSStream.framed(questions[0]).map { .send([$0]) } + [
                .expect(expected.prefix(47).map { $0 }), .send(asked), .expect(expected),
            ])
        _ = try await slow.finished()
        server.stop()
    }

    @Test(arguments: [[0, 3, 1, 2, 3], [0xFF, 0xFF, 0]] as [[UInt8]])
    func aConnectionThatMakesNoSenseIsClosed(bytes: [UInt8]) async throws {
        let server = try start()
        let client = try ScriptedPeer.connect(to: server.address.port, script: [.send(bytes), .receiveAll])
        // An end or, since what it sent has not all been read, a reset.
        let report = await client.report()
        #expect(report.sawEnd || report.sawReset)
        #expect(report.received.count == 0)
        server.stop()
    }

    @Test func aClientThatDoesNotReadHoldsNobodyUp() async throws {
        let server = try start([Self.web, Self.many])
        let questions = (0..<2000).flatMap { DNSStream.framed(query("many.default", id: UInt16($0))) }
        let greedy = try ScriptedPeer.connect(
            to: server.address.port, options: .tiny, script: [.meanwhile([.send(questions)]), .neverRead])
        #expect(await eventually { greedy.progress.sent.count > 2000 })
        #expect(try await ask(server, query("web.default")) == ["A 127.64.0.1"])
        server.stop()
    }

    @Test func whoIsIdleGivesWayToOthers() async throws {
        let server = try start()
        let (answered, question) = (47, DNSStream.framed(query("web.default")))
        let first = try ScriptedPeer.connect(
            to: server.address.port, script: [.send(question), .expect(answered), .receiveAll])
        #expect(await eventually { first.progress.received.count == answered })
        let crowd = try await ClientCrowd.connect(64, to: server.address.port)
        #expect(try await first.finished().sawEnd)
        let last = try ScriptedPeer.connect(to: server.address.port, script: [.send(question), .expect(answered)])
        _ = try await last.finished()
        withExtendedLifetime(crowd) {}
        server.stop()
    }

    @Test func aTakenAddressIsReported() throws {
        let server = try start()
        #expect { try DNSServer(on: server.address, NameTable([], domain: Self.domain)) } throws: { error in
            (error as? SystemError)?.isAddressInUse == true
        }
        server.stop()
    }

    @Test func itsSocketsGoWithIt() async throws {
        await #expect(processExitsWith: .success) {
            func round() async throws {
                let server = try DNSServer(on: .loopback(port: 0), NameTable([], domain: .root))
                let client = try ScriptedPeer.connect(to: server.address.port, script: [.receiveAll])
                server.update([:])
                server.stop()
                _ = await client.report()
            }
            // The first loop of a process makes what libuv keeps for all.
            try await round()
            let baseline = Descriptors.open()
            for _ in 0..<3 { try await round() }
            await expectDescriptorsBackTo(baseline)
        }
    }

    @Test(.requires(.tool("dig"))) func digUnderstandsIt() async throws {
        let server = try start([Self.web, Self.many])
        let port = server.address.port
        for arguments in [[], ["+tcp"], ["+noedns"], ["+dnssec"]] {
            let answer = try await Dig.ask(["web.default.svc.cluster.local"] + arguments, port: port)
            #expect(answer.status == "NOERROR" && answer.flags == ["qr", "aa", "rd"], "\(answer.text)")
            #expect(answer.answers == ["web.default.svc.cluster.local. 5 IN A 127.64.0.1"])
            #expect(!answer.text.contains("WARNING: Message parser"))
        }
        let location = try await Dig.ask(["_http._tcp.web.default.svc.cluster.local", "SRV"], port: port)
        #expect(location.answers.first?.hasSuffix("SRV 0 0 8080 web.default.svc.cluster.local.") == true)
        #expect(try await Dig.ask(["nothing.default.svc.cluster.local"], port: port).status == "NXDOMAIN")
        #expect(try await Dig.ask(["example.com"], port: port).status == "REFUSED")
        #expect(try await Dig.ask(["version.bind", "CH", "TXT"], port: port).status == "REFUSED")
        // dig comes back over TCP by itself.
        let many = try await Dig.ask(["many.default"], port: port)
        #expect(many.values.count == 200 && many.text.contains("Truncated, retrying in TCP mode"))
        server.stop()
    }
}
