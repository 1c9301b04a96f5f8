import Balancing
import Base
import EventLoop
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Conversations of programs of other times with today's, over real sockets: an upgrade, and a downgrade.
///
/// Who has changed what processes say to each other finds what is to be done in CONTRIBUTING.md, "The hand-over".
@Suite(.timeLimit(.minutes(1))) struct RecordedHandoverTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("handover")
        try folder.write("", to: "lock")
    }

    private static func id(_ service: String, _ port: String, _ transport: TransportProtocol) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: service, port: port), transport)
    }

    /// A relay with two doors and two workers, at new sockets or inherited ones.
    private func relay(
        to endpoint: UInt16, at places: RecordedPlaces = RecordedPlaces(web: .loopback(0), dns: .loopback(0)),
        _ inheritance: Inheritance? = nil
    ) async throws -> (relay: Relay, places: RecordedPlaces) {
        let relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 4096)))
        if let inheritance { await relay.inherit(inheritance) }
        let (web, dns) = (Self.id("web", "", .tcp), Self.id("kube-dns", "dns", .udp))
        for id in [web, dns] { await relay.serve(id, with: RelayHarness.balancer([endpoint])) }
        let opened = RecordedPlaces(
            web: try await relay.open(web, on: places.web).address,
            dns: try await relay.open(dns, on: places.dns).address)
        await relay.settle()
        return (relay, opened)
    }

    private func lock() -> Int32 { open(folder.file("lock"), O_RDWR | O_CLOEXEC) }

    /// Today's programs with each other. With PORTICO_RECORD_HANDOVER the conversation is written into the file of the
    /// newest version.
    @Test("What today's programs say to each other is what is recorded of their version")
    func recording() async throws {
        let server = try ScriptedServer.identity("a")
        let (old, places) = try await relay(to: server.port)
        let former = try HandoverServer(path: folder.file("old"), relay: old) { [folder] in
            Descriptor(owning: open(folder.file("lock"), O_RDWR | O_CLOEXEC))
        }
        async let recorded = RecordedHandover.record(at: path, places, from: folder.file("old"))
        var inheritance: Inheritance?
        _ = try await eventually {
            inheritance = try await Handover.take(from: path)
            return inheritance != nil
        }
        let (new, _) = try await relay(to: server.port, at: places, inheritance)
        _ = try await inheritance?.confirm()
        inheritance = nil
        #expect(await new.releaseUnclaimed() == 0)
        #expect(await former.successor())
        let conversation = try await recorded

        let version = HandoverVersions.spoken.newest
        if ProcessInfo.processInfo.environment["PORTICO_RECORD_HANDOVER"] != nil {
            let head = """
                # What two processes say to each other at a hand-over in version \(version): who, with how many descriptors, and what.
                # Frozen when the first program that spoke it was released. CONTRIBUTING.md, "The hand-over", says when there is another.

                """
            try (head + "\(conversation)").write(
                toFile: RecordedHandover.file(version), atomically: true, encoding: .utf8)
        }
        #expect("\(conversation)" == "\(try RecordedHandover(version: version))", "see CONTRIBUTING.md, The hand-over")
        await old.stop()
        await new.stop()
    }

    /// The recorded old process, and the client that waits at one of its doors.
    @Test("Upgrade: today's program takes over from each version", arguments: HandoverVersions.spoken.range)
    func upgrade(from version: Int) async throws {
        let recorded = try RecordedHandover(version: version)
        // What it would say to one that asks in a version that it does not know.
        let conversation = recorded.asked(in: HandoverVersions.spoken.newest)
        let first = try TCPSocket.listen(on: .loopback(port: 0), shared: true)
        let web = try TCPSocket.localAddress(of: first)
        let second = try TCPSocket.listen(on: web, shared: true)
        let third = try UDPSocket.bind(to: .loopback(port: 0), shared: true)
        let dns = try TCPSocket.localAddress(of: third)
        let fourth = try UDPSocket.bind(to: dns, shared: true)
        let places = RecordedPlaces(web: .loopback(web.port), dns: .loopback(dns.port))
        let clients = try (0..<8).map { _ in try ScriptedPeer.connect(to: web.port, script: [.receiveAll]) }

        let listener = try MessageSocket.listen(at: path).release()
        let sockets = ["{web}": [first.release(), second.release()], "{dns}": [third.release(), fourth.release()]]
        let file = lock()
        async let played = RecordedHandover.onThread {
            defer { for socket in sockets.values.joined() { close(socket) } }
            var rest = sockets
            return try conversation.play(
                .old, over: try MessageSocket.accept(from: Descriptor(owning: listener)), places
            ) { message in
                if message.descriptors == 0 { return [] }
                guard message.text.hasPrefix("sockets") else { return [file] }
                return try message.text.split(separator: "\n").dropFirst().map { line in
                    let place = try #require(line.split(separator: "\t").last.map(String.init))
                    let socket = rest[place]?.popLast()
                    return try #require(socket, "\(line)")
                }
            }
        }
        let server = try ScriptedServer.identity("a")
        let inheritance = try #require(try await Handover.take(from: path))
        let (new, opened) = try await relay(to: server.port, at: places, inheritance)
        #expect(opened.web == places.web && opened.dns == places.dns)
        let lock = try await inheritance.confirm()
        let hasLock = lock != nil
        #expect(hasLock)
        #expect(try await played == [])
        #expect(await new.releaseUnclaimed() == 0)
        for client in clients { #expect(try await client.finished().received.text == "a", "it waited meanwhile") }
        close(file)
        await new.stop()
    }

    /// The recorded new process, also one that would rather speak a later version.
    @Test(
        "Downgrade: today's program hands over to each version",
        arguments: HandoverVersions.spoken.range.map { ($0, $0) } + [(1, 2), (1, 7)])
    func downgrade(to version: Int, asking asked: Int) async throws {
        let conversation = try RecordedHandover(version: version).asked(in: asked)
        let server = try ScriptedServer.identity("a")
        let (old, places) = try await relay(to: server.port)
        let former = try HandoverServer(path: path, relay: old) { [folder] in
            Descriptor(owning: open(folder.file("lock"), O_RDWR | O_CLOEXEC))
        }
        let (path, count) = (path, conversation.messages.map(\.descriptors).reduce(0, +))
        let received = try await RecordedHandover.onThread {
            try conversation.play(.new, over: try MessageSocket.connect(to: path, limit: 10_000), places) { _ in [] }
        }
        #expect(received.count == count)
        defer { for descriptor in received { close(descriptor) } }
        #expect(await former.successor())
        await old.letGo()
        #expect(await old.drain(within: .seconds(10)) == 0)
        await old.stop()

        // Nobody is left but the new process, who has not come to accept.
        let client = try ScriptedPeer.connect(to: places.web.port, script: [.receiveAll])
        try await RecordedHandover.onThread { try answer(fromOneOf: received) }
        #expect(try await client.finished().received.text == "z")
    }
}

/// Accepts a client at the listening socket where there is one, and says "z".
private func answer(fromOneOf descriptors: [Int32]) throws {
    func isListening(_ descriptor: Int32) -> Bool {
        var (value, size): (Int32, socklen_t) = (0, socklen_t(MemoryLayout<Int32>.size))
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value == 1
    }
    var polled = descriptors.filter(isListening).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    try #require(poll(&polled, nfds_t(polled.count), 10_000) == 1)
    let ready = try #require(polled.first { $0.revents != 0 })
    let client = accept(ready.fd, nil, nil)
    #expect(send(client, "z", 1, Int32(MSG_NOSIGNAL)) == 1)
    close(client)
}
