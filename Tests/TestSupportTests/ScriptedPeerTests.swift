import Glibc
import TestSupport
import Testing

@Suite struct ScriptedPeerTests {
    @Test func echoesAfterSayingWhoItIs() async throws {
        let server = try ScriptedServer.echo(identity: "pod-a")
        let client = try ScriptedPeer.connect(
            to: server.port, script: [.expect("pod-a"), .send("hello"), .expect("hello"), .shutdownWrite, .receiveAll])
        let report = try await client.finished()
        #expect(report.received.text == "pod-ahello")
        #expect(report.sawEnd)
        #expect(server.accepted == 1)
        #expect(server.received == 5)
    }

    @Test func cuesOrderWhatTheTwoSidesDo() async throws {
        let (mayAnswer, answered) = (Cue(), Cue())
        let server = try ScriptedServer(script: [.expect("q"), .wait(mayAnswer), .send("a"), .give(answered)])
        let client = try ScriptedPeer.connect(to: server.port, script: [.send("q"), .expect("a")])
        #expect(await eventually { server.received == 1 })
        #expect(client.progress.received.count == 0)
        mayAnswer.give()
        try await answered.wait()
        #expect(try await client.finished().received.text == "a")
    }

    @Test func halfCloseLeavesTheOtherDirectionOpen() async throws {
        let count = 3 << 20
        let server = try ScriptedServer(script: [.receiveAll, .sendPattern(count: count, seed: 5)])
        let client = try ScriptedPeer.connect(
            to: server.port, script: [.send("get"), .shutdownWrite, .expectPattern(seed: 5)])
        let report = try await client.finished()
        #expect(report.received.count == count)
        #expect(report.received.checksum == StreamChecksum.of(BytePattern(seed: 5), count: count))
        #expect(try await server.connection(0).finished().sent.checksum == report.received.checksum)
    }

    @Test func patternMismatchSaysWhere() async throws {
        var bytes = BytePattern(seed: 6).prefix(100_000)
        bytes[70_000] ^= 1
        let server = try ScriptedServer(script: [.send(bytes)])
        let client = try ScriptedPeer.connect(to: server.port, script: [.expectPattern(count: 100_000, seed: 6)])
        #expect(await client.report().failure?.reason == .unexpected("byte 70000 is not the one that was sent"))
    }

    @Test func bothDirectionsAtOnce() async throws {
        // More than the buffers hold: without reading meanwhile, sending would never end.
        let count = 16 << 20
        let server = try ScriptedServer.echo()
        let client = try ScriptedPeer.connect(
            to: server.port,
            script: [.meanwhile([.expectPattern(seed: 7)]), .sendPattern(count: count, seed: 7), .shutdownWrite])
        let report = try await client.finished()
        #expect(report.sent.count == count)
        #expect(report.received.checksum == report.sent.checksum)
    }

    @Test func resetIsSeenAsReset() async throws {
        let server = try ScriptedServer(script: [.expect(1), .reset])
        let client = try ScriptedPeer.connect(to: server.port, script: [.send("x"), .receiveReset])
        #expect(try await client.finished().sawReset)

        let ending = try ScriptedServer(script: [.expect(1), .close])
        let other = try ScriptedPeer.connect(to: ending.port, script: [.send("x"), .receiveReset])
        #expect(await other.report().failure != nil)
    }

    @Test func neverReadingStallsTheSender() async throws {
        let server = try ScriptedServer.neverReading(options: .tiny)
        let client = try ScriptedPeer.connect(
            to: server.port, options: .tiny, stepLimit: .milliseconds(300),
            script: [.sendPattern(count: 64 << 20, seed: 1)])
        let report = await client.report()
        #expect(report.failure?.reason == .timedOut("send"))
        #expect(report.sent.count < 8 << 20)
    }

    @Test func readSlowlyReadsAll() async throws {
        let server = try ScriptedServer(script: [.sendPattern(count: 50_000, seed: 8)])
        let client = try ScriptedPeer.connect(
            to: server.port, script: [.readSlowly(bytesPerStep: 5000, pause: .milliseconds(5))])
        #expect(
            try await client.finished().received.checksum == StreamChecksum.of(BytePattern(seed: 8), count: 50_000))
    }

    @Test func failuresNamePeerAndStep() async throws {
        let server = try ScriptedServer(script: [.send("abc")])
        let client = try ScriptedPeer.connect(to: server.port, script: [.expect(10)])
        let failure = try #require(await client.report().failure)
        #expect(
            failure.description
                == "client of 127.0.0.1:\(server.port), expect(10): the other side closed after 3 of 10 bytes")
    }

    @Test func deadlineEndsAStep() async throws {
        let server = try ScriptedServer.neverReading()
        let client = try ScriptedPeer.connect(
            to: server.port, stepLimit: .milliseconds(50), script: [.expect(1)])
        #expect(await client.report().failure?.reason.isTimeout == true)
    }

    @Test func worksOnASocketPair() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let one = try ScriptedPeer.adopt(ends[0], script: [.send("ping"), .expect("pong")])
        let two = try ScriptedPeer.adopt(ends[1], script: [.expect("ping"), .send("pong")])
        _ = try await one.finished()
        _ = try await two.finished()
    }

    @Test func everythingIsClosedInTheEnd() async {
        await #expect(processExitsWith: .success) {
            let baseline = Descriptors.open()
            do {
                let server = try ScriptedServer.echo()
                let crowd = try await ClientCrowd.connect(200, to: server.port)
                #expect(try await crowd.roundTrip("hello") == 200)
                #expect(Descriptors.open() >= baseline + 400)
                crowd.close()
                await server.stop()
                await #expect(throws: PeerError.self) { try await ClientCrowd.connect(1, to: server.port) }
            }
            await expectDescriptorsBackTo(baseline)
        }
    }
}
