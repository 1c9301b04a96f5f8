import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// The path of a handover: who may be there, and who may ask.
@Suite(.timeLimit(.minutes(1))) struct HandoverServerTests {
    private let folder: TemporaryDirectory
    private let path: String
    private let relay: Relay

    init() throws {
        folder = try TemporaryDirectory(readableByAll: true)
        path = folder.file("handover")
        relay = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 256)))
    }

    private func mode() -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    @Test func nobodyThereMeansNothingToInherit() async throws {
        #expect(try await Handover.take(from: path) == nil)
        // Left behind by a process that was killed.
        _ = try MessageSocket.listen(at: path)
        #expect(mode() != nil)
        #expect(try await Handover.take(from: path) == nil)

        let server = try HandoverServer(path: path, relay: relay)
        #expect(mode() == 0o600, "whatever the umask")
        #expect(try await Handover.take(from: path)?.doors == [])
        server.close()
        #expect(mode() == nil)
        #expect(await server.successor() == false)
        #expect(try await Handover.take(from: path) == nil)
        await relay.stop()
    }

    @Test func oneThatIsKilledWhileItHandsOverIsNobody() async throws {
        let file = try SocketFile(listeningAt: path)
        async let taken = Handover.take(from: path)
        try await HandoverChannel.blocking { () throws(HandoverError) in
            do throws(SystemError) {
                let socket = try MessageSocket.accept(from: file.listener)
                _ = try socket.receive()
                MessageSocket.stopAccepting(on: file.listener)
            } catch {
                throw .system(error)
            }
        }
        #expect(try await taken == nil)
        await relay.stop()
    }

    @Test func ofSeveralThatFindAFileLeftOverOneReplacesIt() async throws {
        for _ in 0..<100 {
            _ = try MessageSocket.listen(at: path)
            let files = await withTaskGroup(of: SocketFile?.self) { group in
                for _ in 0..<4 {
                    group.addTask { [path] in
                        try? await HandoverChannel.blocking { () throws(HandoverError) in
                            try SocketFile(listeningAt: path)
                        }
                    }
                }
                return await group.reduce(into: [SocketFile]()) { files, file in files += file.map { [$0] } ?? [] }
            }
            #expect(files.count == 1)
            for file in files { file.retire() }
            folder.remove("handover")
        }
        await relay.stop()
    }

    @Test("With the confirmation comes what only one process may have, if there is such a thing")
    func lockGoesAlong() async throws {
        let file = Descriptor(owning: open(folder.file("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
        func number(_ descriptor: consuming Descriptor?) -> ino_t? {
            guard let descriptor else { return nil }
            var status = stat()
            return fstat(descriptor.raw, &status) == 0 ? status.st_ino : 0
        }
        let raw = file.raw
        let expected = number(try file.duplicate())
        do {
            let server = try HandoverServer(path: path, relay: relay) { Descriptor(owning: dup(raw)) }
            let lock = try await Handover.take(from: path)?.confirm()
            let received = number(lock)
            #expect(received == expected)
            #expect(await server.successor())
        }
        let server = try HandoverServer(path: path, relay: relay)
        let nothing = try await Handover.take(from: path)?.confirm()
        let received = number(nothing)
        #expect(received == nil)
        #expect(await server.successor())
        await relay.stop()
    }

    /// What is left of its doors by then would be a part of them.
    @Test func nobodyGetsDoorsFromOneThatHasASuccessor() async throws {
        let server = try HandoverServer(path: path, relay: relay)
        let late = try HandoverChannel(try MessageSocket.connect(to: path, limit: 5000))
        func answer(to message: HandoverMessage) async throws -> HandoverMessage {
            try await HandoverChannel.blocking { () throws(HandoverError) in
                try late.send(message)
                return try late.receiveMessage()
            }
        }
        let hello = HandoverMessage.hello(version: HandoverVersions.spoken.newest)
        #expect(try await answer(to: hello) == hello)
        try await Handover.take(from: path)?.confirm()
        #expect(await server.successor())
        await #expect(throws: HandoverError.refused("another process was faster, or this one is ending")) {
            try await answer(to: .next)
        }
        await relay.stop()
    }

    @Test func aPathThatIsInUseIsLeftAlone() async throws {
        let server = try HandoverServer(path: path, relay: relay)
        #expect(throws: HandoverError.taken(path: path)) { try HandoverServer(path: path, relay: relay) }
        #expect(try await Handover.take(from: path) != nil, "still the first one's")

        // Somebody else takes the path by force: closing is no reason to take it back.
        folder.remove("handover")
        try folder.write("precious", to: "handover")
        server.close()
        #expect(throws: HandoverError.notASocket(path: path)) { try HandoverServer(path: path, relay: relay) }
        #expect(mode() != nil)

        let long = folder.file(String(repeating: "x", count: 120))
        #expect(throws: HandoverError.self) { try HandoverServer(path: long, relay: relay) }
        await relay.stop()
    }

    @Test(.requires(.ordinaryUser)) func aFileThatCannotBeRemovedIsNotTakenForAnotherProcess() async throws {
        _ = try MessageSocket.listen(at: path)
        // By the owner of the folder at most.
        try #require(chmod(path, 0o666) == 0 && chmod(folder.path, 0o555) == 0)
        defer { chmod(folder.path, 0o755) }
        await #expect(processExitsWith: .success) { [path = path as String] in
            try OrdinaryUser.become()
            #expect {
                try SocketFile(listeningAt: path)
            } throws: { error in
                if case .system(let reason)? = error as? HandoverError { reason.code == EACCES } else { false }
            }
        }
        await relay.stop()
    }

    @Test func closingEndsConversations() async throws {
        let server = try HandoverServer(path: path, relay: relay)
        let inheritance = try #require(try await Handover.take(from: path))
        server.close()
        await #expect(throws: HandoverError.ended) { try await inheritance.confirm() }
        await relay.stop()
    }

    @Test func oneThatSpeaksNoVersionOfThisOneIsToldSo() async throws {
        let server = try HandoverServer(path: path, relay: relay)
        let channel = try HandoverChannel(try MessageSocket.connect(to: path, limit: 5000))
        try channel.send(.hello(version: 0))
        #expect(try channel.receiveMessage() == .hello(version: 1), "which it would have had to speak")
        let refusal = HandoverError.refused(HandoverError.version(0).description)
        #expect(throws: refusal) { try channel.receiveMessage() }
        #expect(refusal.description.contains("version 0 of the protocol, not 1"))
        server.close()
        await relay.stop()
    }

    @Test(.requires(.root, .ordinaryUser, .tool("perl")))
    func strangersGetNothing() async throws {
        let server = try HandoverServer(path: path, relay: relay)
        let perl = "/usr/bin/perl"
        let script = """
            socket(S, AF_UNIX, SOCK_SEQPACKET, 0); connect(S, pack_sockaddr_un($ARGV[0])) or exit 3;
            send(S, "portico-handover\\t1", 0); recv(S, $answer, 100, 0); print "<$answer>";
            """
        let arguments = ["-MSocket", "-e", script, path]
        #expect(try await runAsOrdinaryUser(perl, arguments).status == 3, "the file keeps them out")
        #expect(chmod(path, 0o666) == 0)
        #expect(try await runAsOrdinaryUser(perl, arguments).output == "<>", "and if it does not, the server does")
        server.close()
        await relay.stop()
    }
}
