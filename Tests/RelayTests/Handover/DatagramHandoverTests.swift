import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// UDP clients, whose questions and answers know no connection.
@Suite(.timeLimit(.minutes(1))) struct DatagramHandoverTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("handover")
    }

    @Test func noQuestionIsLostOverSeveralHandovers() async throws {
        let server = try UDPServer()
        var current = try await Generation.first(at: path, .udp, endpoints: [server.port])
        let (port, stop) = (current.address.port, Cue())
        async let unanswered = withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var lost = 0
                    while !stop.isGiven {
                        // A new client each time, so that every question begins a flow.
                        let answer = try? await UDPClient(to: port).ask("x", within: .seconds(5))
                        if answer != "x" { lost += 1 }
                    }
                    return lost
                }
            }
            return await group.reduce(0, +)
        }
        for workers in [1, 3, 2] {
            let before = server.arrivals.datagrams
            #expect(await eventually { server.arrivals.datagrams >= before + 300 })
            let next = try await current.replaced(workers: workers)
            await current.end()
            current = next
        }
        let before = server.arrivals.datagrams
        #expect(await eventually { server.arrivals.datagrams >= before + 300 })
        stop.give()
        #expect(await unanswered == 0)
        await current.end()
    }

    @Test func anAnswerArrivesThatWasAskedForBefore() async throws {
        let answer = Cue()
        let server = try UDPServer(.echoAfter(answer))
        let old = try await Generation.first(at: path, .udp, endpoints: [server.port])
        // Connected, so that an answer from another address or port would not reach it.
        let client = try UDPClient(to: old.address.port)
        try client.send("before")
        #expect(await eventually { server.arrivals.datagrams == 1 })

        let new = try await old.replaced()
        async let drained = old.relay.drain(within: .seconds(10))
        try client.send("after")
        #expect(await eventually { await new.counters.accepted == 1 }, "a new flow, in the new process")
        #expect(await old.counters.datagramsUp == 1)
        answer.give()
        var answers: Set<String> = []
        for _ in 0..<2 { answers.insert(String(decoding: try await client.receive() ?? [], as: UTF8.self)) }
        #expect(answers == ["before", "after"])
        #expect(await drained == 0)
        #expect(await old.counters.datagramsDown == 1)
        #expect(try await client.ask("again") == "again")
        await old.end()
        await new.end()
    }

    @Test func aDoorWithoutFlowsIsNotHeldOnTo() async throws {
        let server = try UDPServer()
        let old = try await Generation.first(at: path, .udp, endpoints: [server.port])
        let new = try await old.replaced()
        // The old one has not drained; the address is free all the same once the new one gives it up.
        await new.relay.remove(new.id)
        await new.relay.settle()
        await new.relay.serve(new.id, with: RelayHarness.balancer([server.port]))
        #expect(try await new.relay.open(new.id, on: new.address).address == new.address)
        #expect(try await UDPClient(to: new.address.port).ask("x") == "x")
        await old.end()
        await new.end()
    }

    @Test func aDoorIsHeldOnToUntilItsLastFlowHasEnded() async throws {
        let server = try UDPServer()
        let old = try await Generation.first(at: path, .udp, endpoints: [server.port], udpTimeout: 300)
        #expect(try await UDPClient(to: old.address.port).ask("x") == "x")
        let new = try await old.replaced()
        await new.relay.remove(new.id)
        await new.relay.settle()
        await new.relay.serve(new.id, with: RelayHarness.balancer([server.port]))
        let error = await #expect(throws: SystemError.self) { try await new.relay.open(new.id, on: new.address) }
        #expect(error?.isAddressInUse == true)
        #expect(await eventually { (try? await new.relay.open(new.id, on: new.address)) != nil })
        await old.end()
        await new.end()
    }

    @Test func aDrainWaitsForAnswersAndNotForSilence() async throws {
        let (answer, clock) = (Cue(), ContinuousClock())
        let (slow, quick) = (try UDPServer(.echoAfter(answer)), try UDPServer())
        let asked = try await UDPHarness([slow.port])
        let client = try UDPClient(to: asked.port)
        try client.send("x")
        #expect(await eventually { slow.arrivals.datagrams == 1 })
        async let drained = asked.relay.drain(within: .seconds(30))
        try await Task.sleep(for: .milliseconds(50))
        answer.give()
        #expect(try await client.receive() == Array("x".utf8))
        #expect(await drained == 0)
        await asked.relay.stop()

        let answered = try await UDPHarness([quick.port])
        #expect(try await UDPClient(to: answered.port).ask("x") == "x")
        let before = clock.now
        await answered.relay.drain(within: .seconds(60))
        #expect(clock.now - before < .seconds(30))
        await answered.relay.stop()
    }

    @Test func aDrainDoesNotWaitForAnswersBeyondItsLimit() async throws {
        let server = try UDPServer(.collect)
        let harness = try await UDPHarness([server.port])
        try UDPClient(to: harness.port).send("x")
        #expect(await eventually { server.arrivals.datagrams == 1 })
        let (clock, limit) = (ContinuousClock(), Duration.milliseconds(100))
        let before = clock.now
        await harness.relay.drain(within: limit)
        let taken = clock.now - before
        #expect(taken >= limit && taken < .seconds(30))
        await harness.relay.stop()
    }
}
