import Base
import EventLoop
import HTTP
import TestSupport
import Testing

private let request = "GET / HTTP/1.1\r\n\r\n"
private let lastRequest = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
private let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"

@Suite(.timeLimit(.minutes(2))) struct HTTPServerTests {
    @Test func servesSeveralAddressesWithAnswersOfTheirOwn() async throws {
        let server = try HTTPServer(name: "test")
        let first = try server.listen(on: .loopback(port: 0)) { HTTPAnswer(.ok, "first \($0.path)".utf8) }
        let second = try server.listen(on: .loopback(port: 0)) { HTTPAnswer(.ok, "second \($0.path)".utf8) }
        #expect(try await exchange(lastRequest, first).hasSuffix("\r\n\r\nfirst /"))
        #expect(try await exchange(lastRequest, second).hasSuffix("\r\n\r\nsecond /"))
    }

    @Test func connectionStaysForMoreRequestsAndEndsWithItsListener() async throws {
        let (server, listener) = try serve()
        let client = try ScriptedPeer.connect(
            to: listener.address.port,
            script: [.send(request), .expect(answer), .send(request), .expect(answer), .receiveAll])
        #expect(await eventually { client.progress.received.count == 2 * answer.utf8.count })
        listener.close()
        #expect(try await client.finished().sawEnd)
        withExtendedLifetime(server) {}
    }

    /// In a process of its own, since a program that another test starts holds every descriptor for a moment; and at an address
    /// of its own, since a port that the kernel chooses may be the next client's.
    @Test func anAddressIsFreeAsSoonAsItsListenerIsClosed() async {
        await #expect(processExitsWith: .success) {
            let server = try HTTPServer(name: "test")
            let address = SocketAddress(v4: 0x7F4D_0C01, port: 4343)
            for _ in 0..<50 {
                try server.listen(on: address) { _ in HTTPAnswer(.ok, []) }.close()
            }
            #expect(throws: SystemError.self) {
                let taken = try server.listen(on: .loopback(port: 0)) { _ in HTTPAnswer(.ok, []) }
                _ = try server.listen(on: taken.address) { _ in HTTPAnswer(.ok, []) }
            }
            server.shutdown()
        }
    }

    @Test func sharedAddressIsServedByBothAndByTheOtherWhenOneEnds() async throws {
        let server = try HTTPServer(name: "old")
        let other = try HTTPServer(name: "new")
        let old = try server.listen(on: .loopback(port: 0), shared: true) { _ in HTTPAnswer(.ok, "old".utf8) }
        let new = try other.listen(on: old.address, shared: true) { _ in HTTPAnswer(.ok, "new".utf8) }
        var seen: Set<String> = []
        #expect(
            try await eventually {
                seen.insert(String(try await exchange(lastRequest, new).suffix(3)))
                return seen == ["old", "new"]
            })
        old.close()
        for _ in 0..<10 { #expect(try await exchange(lastRequest, new).hasSuffix("new")) }
    }

    @Test(arguments: [
        "", "GET / HT", request, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nx",
    ])
    func aClientThatOnlyWaitsLosesItsConnection(_ text: String) async throws {
        let (server, listener) = try serve(HTTPServer.Limits(idleMilliseconds: 100))
        let script: [PeerStep] = (text.isEmpty ? [] : [.send(text)]) + [.receiveAll]
        let client = try ScriptedPeer.connect(to: listener.address.port, script: script)
        #expect(try await client.finished().sawEnd)
        withExtendedLifetime(server) {}
    }

    @Test func aClientThatTypesSlowlyLosesItsConnectionToo() async throws {
        let (server, listener) = try serve(HTTPServer.Limits(idleMilliseconds: 300))
        // It never pauses for as long as the limit is, and never comes to an end.
        let typing = [[PeerStep]](repeating: [.send("x"), .pause(.milliseconds(20))], count: 500).flatMap { $0 }
        let client = try ScriptedPeer.connect(to: listener.address.port, script: [.send("GET /")] + typing)
        #expect(await client.report().failure != nil, "it was cut off")
        withExtendedLifetime(server) {}
    }

    @Test func aClientThatEndsOnlyItsDirectionGetsItsAnswerAndIsLetGo() async throws {
        let (server, listener) = try serve()
        let client = try ScriptedPeer.connect(
            to: listener.address.port, script: [.send(request), .shutdownWrite, .expect(answer), .receiveAll])
        #expect(try await client.finished().sawEnd)
        withExtendedLifetime(server) {}
    }

    @Test func manyIdleConnectionsGiveWayToNewOnes() async throws {
        let (server, listener) = try serve(HTTPServer.Limits(mostConnections: 8))
        let used = try ScriptedPeer.connect(
            to: listener.address.port, script: [.send(request), .expect(answer), .receiveAll])
        let idle = try (0..<40).map { _ in
            try ScriptedPeer.connect(to: listener.address.port, script: [.receiveAll])
        }
        // All but those for which there is room are closed; nobody else is on his way then.
        #expect(await eventually { await ended(idle) >= 32 })
        for _ in 0..<20 { #expect(try await exchange(lastRequest, listener).hasSuffix("hi")) }
        withExtendedLifetime((server, used)) {}
    }

    @Test func aLargeBodyIsRefused() async throws {
        let (server, listener) = try serve(HTTPServer.Limits(largestBody: 10))
        let text = try await exchange("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", listener)
        #expect(text.hasPrefix("HTTP/1.1 413 "))
        withExtendedLifetime(server) {}
    }

    @Test(.requires(.ipv6Loopback)) func nothingStaysOpenAfterwards() async throws {
        await #expect(processExitsWith: .success) {
            try await Descriptors.settle()
            _ = try HTTPServer(name: "first")  // the first loop of a process makes some for good, too
            let baseline = Descriptors.open()
            do {
                let server = try HTTPServer(name: "test")
                let listener = try server.listen(on: SocketAddress(v6High: 0, low: 1, port: 0)) { _ in
                    HTTPAnswer(.ok, "hi".utf8)
                }
                let client = try ScriptedPeer.connect(
                    to: listener.address.port, on: "::1",
                    script: [.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), .receiveAll])
                #expect(try await client.finished().sawEnd)
                server.shutdown()
                #expect(throws: SystemError.self) {
                    _ = try server.listen(on: .loopback(port: 0)) { _ in HTTPAnswer(.ok, []) }
                }
            }
            await expectDescriptorsBackTo(baseline)
        }
    }

    private func serve(_ limits: HTTPServer.Limits = HTTPServer.Limits()) throws -> (HTTPServer, HTTPListener) {
        let server = try HTTPServer(name: "test", limits: limits)
        return (server, try server.listen(on: .loopback(port: 0)) { _ in HTTPAnswer(.ok, "hi".utf8) })
    }

    private func exchange(_ text: String, _ listener: HTTPListener) async throws -> String {
        let client = try ScriptedPeer.connect(to: listener.address.port, script: [.send(text), .receiveAll])
        return try await client.finished().received.text
    }

    private func ended(_ clients: [ScriptedPeer]) async -> Int {
        clients.count { $0.progress.sawEnd }
    }
}
