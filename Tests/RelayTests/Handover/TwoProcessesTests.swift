import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// The same with a process of its own on one side: what an exit test runs is one.
@Suite(.timeLimit(.minutes(2))) struct TwoProcessesTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("handover")
    }

    @Test func thereAndBackAgain() async throws {
        let server = try ScriptedServer(script: [.expect("x"), .send("y"), .close])
        let first = try await Generation.first(at: path, endpoints: [server.port])
        let (path, port, endpoint, stop) = (path, first.address.port, server.port, Cue())
        async let failures = Self.failures(ofClientsAt: port, until: stop)
        #expect(await eventually { server.accepted >= 300 })

        async let other = #expect(processExitsWith: .success) {
            [path = path as String, port = port as UInt16, endpoint = endpoint as UInt16] in
            let second = try await Generation.successor(at: path, port: port, endpoints: [endpoint], workers: 3)
            #expect(await second.server.successor())
            await second.relay.letGo()
            await second.end()
        }
        #expect(await first.server.successor())
        await first.relay.letGo()
        await first.end()
        let before = server.accepted
        #expect(await eventually { server.accepted >= before + 300 }, "served by the other process")

        let third = try await Generation.successor(at: path, port: port, endpoints: [endpoint], workers: 2)
        _ = await other
        let after = server.accepted
        #expect(await eventually { server.accepted >= after + 300 })
        stop.give()
        #expect(await failures == [])
        await third.end()
    }

    @Test func aSuccessorThatIsKilledTakesNobodyAlong() async throws {
        let server = try ScriptedServer.identity("a")
        let old = try await Generation.first(at: path, endpoints: [server.port])
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let inheritance = try #require(try await Handover.take(from: path))
            #expect(inheritance.doors.count == 1)
            kill(getpid(), SIGKILL)
        }
        for _ in 0..<50 { #expect(try await old.answer() == "a") }
        let new = try await old.replaced()
        await old.end()
        #expect(try await new.answer() == "a")
        await new.end()
    }

    private static func failures(ofClientsAt port: UInt16, until stop: Cue) async -> [String] {
        await withTaskGroup(of: [String].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var failures: [String] = []
                    while !stop.isGiven {
                        let client = try? ScriptedPeer.connect(
                            to: port, script: [.send("x"), .expect("y"), .receiveAll])
                        if let failure = await client?.report().failure { failures.append("\(failure)") }
                    }
                    return failures
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }
}
