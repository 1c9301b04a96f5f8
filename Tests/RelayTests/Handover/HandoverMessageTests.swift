import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

@Suite struct HandoverMessageTests {
    private func door(_ service: String, _ address: String, port: String = "") throws -> Inheritance.Door {
        let name = ServicePortName(namespace: "default", service: service, port: port)
        let list = EndpointList(.ipv6, .local)
        return Inheritance.Door(
            port: ServicePortID(name, .udp, list), address: try #require(EndpointAddress(address)))
    }

    @Test func everyMessageIsReadAsItWasWritten() throws {
        let doors = [
            try door("web", "127.0.0.1:80"), try door("dns", "[::1]:53", port: "dns"),
            try door("a\tb\nc\\td", "10.0.0.1:1", port: "\\"),
        ]
        let messages: [HandoverMessage] = [
            .hello(version: 1), .hello(version: 20), .next, .sockets([]), .sockets(doors), .none, .confirm, .confirmed,
            .refused("not\tnow,\nor never"),
        ]
        for message in messages { #expect(HandoverMessage(message.text) == message) }
        #expect(doors.allSatisfy { !$0.line.contains("\n") })
    }

    @Test(arguments: [
        "", "hello", "portico-handover", "portico-handover\tone", "refused", "sockets\n", "sockets\nUDP\t4",
        "sockets\nTCP\t5\tCluster\tdefault\tweb\t\t127.0.0.1:80",
        "sockets\nTCP\t4\tCluster\tdefault\tweb\t\t127.0.0.1:0",
    ])
    func anythingElseIsNone(_ text: String) {
        #expect(HandoverMessage(text) == nil)
    }

    @Test func whatALaterProgramAddsAtTheEndIsPassedOver() throws {
        let door = try door("web", "127.0.0.1:80")
        #expect(HandoverMessage("sockets\tmore\n\(door.line)\tand\tmore") == .sockets([door]))
        #expect(HandoverMessage("portico-handover\t3\tmore") == .hello(version: 3))
        #expect(HandoverMessage("refused\tnot now\tmore") == .refused("not now"))
        for (verb, message) in ["next": HandoverMessage.next, "none": .none, "confirm": .confirm] {
            #expect(HandoverMessage("\(verb)\tmore\nand a line") == message)
        }
        #expect(HandoverMessage("confirmed\tmore\nand a line") == .confirmed)
    }

    @Test("The newest version that both speak, or which would have been")
    func versions() {
        // (new process, old process, what they go on in)
        for (new, old, both) in [
            (1...1, 1...1, 1), (1...2, 1...1, 1), (1...1, 1...2, 1), (2...3, 1...2, 2), (1...2, 2...3, 2),
            (1...3, 1...3, 3),
            (2...2, 1...1, nil), (1...1, 2...3, nil),
        ] as [(ClosedRange<Int>, ClosedRange<Int>, Int?)] {
            let asked = HandoverVersions(new).newest
            let answer = HandoverVersions(old).answer(to: asked)
            let goesOn = answer <= asked && HandoverVersions(new).includes(answer)
            #expect((goesOn ? answer : nil) == both, "\(new) takes over from \(old)")
        }
    }

    @Test func aBatchHasNoMoreThanAMessageTakes() throws {
        let short = Array(repeating: try door("web", "127.0.0.1:80"), count: 600)
        #expect(HandoverMessage.batch(of: short).count == 64)
        let long = Array(repeating: try door(String(repeating: "x", count: 1000), "127.0.0.1:80"), count: 600)
        let batch = HandoverMessage.batch(of: long)
        #expect(batch.count > 50)
        #expect(HandoverMessage.sockets(Array(batch)).text.utf8.count <= MessageSocket.mostBytes)
        #expect(HandoverMessage.batch(of: short[0..<0]).isEmpty)
    }
}

/// The new process's side, over a pair of sockets whose other end follows a script.
@Suite(.timeLimit(.minutes(1))) struct HandoverConversationTests {
    /// What came of taking over from a process that answers so, each time that it is asked something.
    private static func taking(
        from answers: @escaping @Sendable (HandoverChannel) throws -> Void
    ) async throws -> Result<Inheritance, HandoverError> {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let (mine, theirs) = (ends[0], ends[1])
        let thread = try LoopThread(name: "old process") {
            do {
                let channel = try HandoverChannel(MessageSocket(Descriptor(owning: theirs)))
                try answers(channel)
            } catch { Issue.record(error) }
        }
        let channel = try HandoverChannel(MessageSocket(Descriptor(owning: mine)))
        let result = Result { () throws(HandoverError) in try Handover.take(through: channel) }
        thread.join()
        return result
    }

    private static func door(at port: UInt16) -> Inheritance.Door {
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        return Inheritance.Door(port: id, address: .loopback(port))
    }

    private static func greet(_ channel: HandoverChannel) throws {
        #expect(try channel.receiveMessage() == .hello(version: 1))
        try channel.send(.hello(version: 1))
    }

    @Test func tooFewDescriptorsAreToldInNumbers() async {
        await #expect(processExitsWith: .success) {
            let limit = Locked(0)
            let result = try await HandoverConversationTests.taking { channel in
                try HandoverConversationTests.greet(channel)
                let sockets = try (0..<64).map { _ in try TCPSocket.listen(on: .loopback(port: 0)).release() }
                let doors = try sockets.map { socket in
                    let descriptor = Descriptor(owning: dup(socket))
                    return HandoverConversationTests.door(at: try TCPSocket.localAddress(of: descriptor).port)
                }
                // So many are open, and a few more may be.
                let few = rlim_t((sockets.max() ?? 0) + 20)
                var limits = rlimit(rlim_cur: few, rlim_max: few)
                #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0)
                limit.withLock { $0 = Int(few) }
                #expect(try channel.receiveMessage() == .next)
                try channel.send(.sockets(doors), sockets)
            }
            guard case .failure(let error) = result else {
                Issue.record("there is no room")
                return
            }
            #expect(error == .noRoom(sockets: 0, limit: limit.withLock { $0 }))
        }
    }

    @Test func sixHundredDescriptorsArriveWithTheirDoors() async throws {
        let result = try await Self.taking { channel in
            try Self.greet(channel)
            let sockets = try (0..<600).map { _ in try TCPSocket.listen(on: .loopback(port: 0)).release() }
            defer { for socket in sockets { close(socket) } }
            let all = try sockets.map { socket in
                let descriptor = Descriptor(owning: dup(socket))
                return (Self.door(at: try TCPSocket.localAddress(of: descriptor).port), socket)
            }
            var rest = all[...]
            while !rest.isEmpty {
                #expect(try channel.receiveMessage() == .next)
                let batch = rest.prefix(HandoverMessage.batch(of: rest.map(\.0)).count)
                try channel.send(.sockets(batch.map(\.0)), batch.map(\.1))
                rest = rest.dropFirst(batch.count)
            }
            #expect(try channel.receiveMessage() == .next)
            try channel.send(.none)
        }
        let inheritance = try result.get()
        #expect(inheritance.doors.count == 600)
        // Each socket is at the address of its door, or taking them would have failed; and each is there once.
        for door in inheritance.doors {
            let sockets = inheritance.take(.tcp, door.address) ?? []
            #expect(sockets.count == 1)
            #expect(sockets.allSatisfy { fcntl($0, F_GETFD) & FD_CLOEXEC != 0 })
            for socket in sockets { close(socket) }
        }
        #expect(inheritance.release() == 0)
    }

    @Test func whatIsWrongIsSaid() async throws {
        func error(_ answers: @escaping @Sendable (HandoverChannel) throws -> Void) async throws -> HandoverError? {
            if case .failure(let error) = try await Self.taking(from: answers) { error } else { nil }
        }
        #expect(
            try await error { channel in
                _ = try channel.receiveMessage()
                try channel.send(.hello(version: 2))
            } == .version(2))
        #expect(try await error { _ = try $0.receiveMessage() } == .ended)
        #expect(
            try await error { channel in
                try Self.greet(channel)
                _ = try channel.receiveMessage()
                try channel.send(.refused("too busy"))
            } == .refused("too busy"))
        // A socket that is not where it is said to be, and doors without sockets.
        let misplaced = try await error { channel in
            try Self.greet(channel)
            _ = try channel.receiveMessage()
            let socket = try TCPSocket.listen(on: .loopback(port: 0))
            try channel.send(.sockets([Self.door(at: 1)]), [socket.raw])
        }
        guard case .unexpected = misplaced else { return #expect(misplaced == nil) }
        let missing = try await error { channel in
            try Self.greet(channel)
            _ = try channel.receiveMessage()
            try channel.send(.sockets([Self.door(at: 1)]))
        }
        guard case .unexpected = missing else { return #expect(missing == nil) }
    }
}
